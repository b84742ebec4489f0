package tds

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// call reads the arguments of a function, after its parenthesis.
func (p *parser) call(name string) expression {
	switch name {
	case "CAST":
		from := p.or()
		p.expect("AS")
		c := p.typeName()
		p.expect(")")
		return func(s scope) value { return c.of(from(s)) }
	case "CONVERT":
		return p.convert()
	case "COUNT_BIG", "MAX", "SUM", "CHECKSUM_AGG":
		return p.aggregate(name)
	}
	var args []expression
	if !p.peek().is(")") {
		p.commas(func() { args = append(args, p.or()) })
	}
	p.expect(")")
	function, found := p.server.functions()[name]
	if !found {
		fail(195, "'%s' is not a recognized built-in function name.", name)
	}
	return func(s scope) value {
		values := make([]value, 0, len(args))
		for _, arg := range args {
			values = append(values, arg(s))
		}
		return function(values)
	}
}

func (p *parser) convert() expression {
	c := p.typeName()
	p.expect(",")
	from := p.or()
	if p.accept(",") {
		c.style, _ = strconv.Atoi(p.literal(number))
	}
	p.expect(")")
	return func(s scope) value { return c.of(from(s)) }
}

func (p *parser) typeName() conversion {
	name, size := strings.ToLower(p.name()), 30 // what SQL Server takes where there is none
	if p.accept("(") {
		size, _ = strconv.Atoi(p.literal(number))
		p.expect(")")
	}
	of, found := map[string]Type{"int": Int, "bigint": BigInt, "char": VarChar, "varchar": VarChar, "nvarchar": NVarChar, "varbinary": varBinary}[name]
	if !found {
		fail(243, "Type %s is not a defined system type.", name)
	}
	return conversion{to: of, size: size}
}

func (p *parser) aggregate(name string) expression {
	p.grouped = true
	p.inside++
	defer func() { p.inside-- }()
	if name == "COUNT_BIG" {
		p.expect("*", ")")
		return func(s scope) value { return value{BigInt, int64(len(s.rows))} }
	}
	arg := p.or()
	p.expect(")")
	return func(s scope) value {
		total := arg(scope{parameters: s.parameters})
		total.v = nil
		for _, row := range s.rows {
			total = added(name, total, arg(scope{rows: [][]Row{row}, parameters: s.parameters}))
		}
		return total
	}
}

// added is one step of an aggregate, which leaves out NULL.
func added(name string, total, next value) value {
	switch {
	case next.null():
		return total
	case total.null():
		return next
	case name == "SUM":
		return value{total.of, total.int() + next.int()}
	case name == "CHECKSUM_AGG":
		return value{total.of, total.int() ^ next.int()}
	case next.text() > total.text():
		return next
	}
	return total
}

func (s *Server) functions() map[string]func([]value) value {
	flag := func(yes bool) func([]value) value {
		return func([]value) value { return value{Int, truth(yes)} }
	}
	return map[string]func([]value) value{
		"LOWER":             func(v []value) value { return mapped(v[0], strings.ToLower) },
		"QUOTENAME":         func(v []value) value { return mapped(v[0], quoteName) },
		"CONCAT":            concat,
		"COALESCE":          coalesce,
		"BINARY_CHECKSUM":   func(v []value) value { return value{Int, int64(checksum(v))} },
		"USER_NAME":         func([]value) value { return value{NVarChar, s.options.User} },
		"SCHEMA_ID":         flag(true), // dbo is number 1
		"IS_SRVROLEMEMBER":  flag(s.options.Administrator),
		"IS_ROLEMEMBER":     flag(s.options.Administrator),
		"HAS_PERMS_BY_NAME": s.hasPermission,
	}
}

func mapped(v value, do func(string) string) value {
	if v.null() {
		return v
	}
	return value{v.of, do(v.text())}
}

func quoteName(name string) string { return "[" + strings.ReplaceAll(name, "]", "]]") + "]" }

// concat takes NULL for an empty text.
func concat(values []value) value {
	var b strings.Builder
	for _, v := range values {
		if !v.null() {
			b.WriteString(plain(v, 121))
		}
	}
	return value{NVarChar, b.String()}
}

func coalesce(values []value) value {
	for _, v := range values {
		if !v.null() {
			return v
		}
	}
	return values[0]
}

// hasPermission takes (N'[dbo].[Table]', N'OBJECT', right [, column, N'COLUMN']).
func (s *Server) hasPermission(v []value) value {
	for _, one := range v {
		if one.null() {
			return value{of: Int}
		}
	}
	column := ""
	if len(v) == 5 && v[4].text() == "COLUMN" {
		column = v[3].text()
	} else if len(v) != 3 {
		fail(174, "The HAS_PERMS_BY_NAME function requires 3 to 5 arguments.")
	}
	table, found := strings.CutPrefix(v[0].text(), "[dbo].[")
	if !found || v[1].text() != "OBJECT" {
		return value{of: Int}
	}
	return value{Int, truth(s.options.May(v[2].text(), strings.TrimSuffix(table, "]"), column))}
}

// checksum turns by four bits and adds without carry, as BINARY_CHECKSUM is known to:
// the same change in two rows changes both checksums by the same bits.
func checksum(values []value) int32 {
	var sum uint32
	for _, v := range values {
		var own uint32
		for _, b := range stateOf(v) {
			own = bits.RotateLeft32(own, 4) ^ uint32(b)
		}
		sum = bits.RotateLeft32(sum, 4) ^ own
	}
	return int32(sum)
}

func stateOf(v value) []byte {
	switch x := v.v.(type) {
	case nil:
		return nil
	case [16]byte:
		return x[:]
	case int64:
		return binary.BigEndian.AppendUint64(nil, uint64(x))
	case time.Time:
		return binary.BigEndian.AppendUint64(nil, uint64(x.UnixNano()))
	}
	return []byte(fmt.Sprint(v.v))
}
