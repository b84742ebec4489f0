package tds

import (
	"strconv"
	"strings"
)

func (p *parser) or() expression {
	left := p.and()
	for p.accept("OR") {
		a, b := left, p.and()
		left = func(s scope) value { return either(a(s), b(s), 1) }
	}
	return left
}

func (p *parser) and() expression {
	left := p.compared()
	for p.accept("AND") {
		a, b := left, p.compared()
		left = func(s scope) value { return either(a(s), b(s), 0) }
	}
	return left
}

// either is OR and AND in three values: the decisive one wins, then the unknown one.
func either(a, b value, decisive int64) value {
	switch {
	case a.of != condition || b.of != condition:
		fail(4145, "An expression of non-boolean type where a condition is expected.")
	case a.v == decisive || b.v == decisive:
		return value{condition, decisive}
	case a.null() || b.null():
		return value{of: condition}
	}
	return value{condition, 1 - decisive}
}

func (p *parser) compared() expression {
	left := p.sum()
	switch {
	case p.accept("="):
		right := p.sum()
		return func(s scope) value { return equal(left(s), right(s)) }
	case p.accept("IS"):
		not := p.accept("NOT")
		p.expect("NULL")
		return func(s scope) value { return value{condition, truth(left(s).null() != not)} }
	case p.accept("IN"):
		p.expect("(")
		among := p.among()
		p.expect(")")
		return func(s scope) value {
			found := value{condition, int64(0)}
			for _, one := range among(s) {
				found = either(found, equal(left(s), one), 1)
			}
			return found
		}
	}
	return left
}

// among is a list of expressions, or a query with one column.
func (p *parser) among() func(scope) []value {
	if p.peek().is("SELECT") {
		q := p.below()
		return func(s scope) []value { return q.column(s) }
	}
	var list []expression
	p.commas(func() { list = append(list, p.sum()) })
	return query{list: list}.line
}

func (p *parser) sum() expression {
	left := p.product()
	for p.accept("+") {
		a, b := left, p.product()
		left = func(s scope) value {
			x, y := a(s), b(s)
			if x.null() || y.null() {
				return value{of: x.of}
			}
			return value{x.of, x.text() + y.text()}
		}
	}
	return left
}

func (p *parser) product() expression {
	left := p.primary()
	for {
		switch {
		case p.accept("*"):
			left = calculated(left, p.primary(), func(x, y int64) int64 { return x * y })
		case p.accept("%"):
			left = calculated(left, p.primary(), func(x, y int64) int64 { return x % y })
		default:
			return left
		}
	}
}

// calculated works on whole numbers; the wider type wins.
func calculated(a, b expression, do func(x, y int64) int64) expression {
	return func(s scope) value {
		x, y := a(s), b(s)
		of := max(x.of, y.of)
		if x.null() || y.null() {
			return value{of: of}
		}
		result := do(x.int(), y.int())
		if of == Int && int64(int32(result)) != result {
			fail(8115, "Arithmetic overflow error converting expression to data type int.")
		}
		return value{of, result}
	}
}

func (p *parser) primary() expression {
	t := p.peek()
	switch {
	case t.kind == quoted:
		p.at++
		return constant(value{NVarChar, t.text})
	case t.kind == number:
		p.at++
		n, _ := strconv.ParseInt(t.text, 10, 64)
		return constant(value{Int, n})
	case t.kind == parameter:
		p.at++
		return func(s scope) value {
			v, found := s.parameters[t.text]
			if !found {
				fail(137, "Must declare the scalar variable \"%s\".", t.text)
			}
			return v
		}
	case p.accept("NULL"):
		return constant(value{of: Int})
	case p.accept("("):
		return p.inParentheses()
	case t.kind == word && p.tokens[p.at+1].is("("):
		p.at += 2
		return p.call(strings.ToUpper(t.text))
	}
	return p.column(p.dotted())
}

func constant(v value) expression { return func(scope) value { return v } }

// inParentheses is an expression, or a query with one column and one line.
func (p *parser) inParentheses() expression {
	if !p.peek().is("SELECT") {
		inner := p.or()
		p.expect(")")
		return inner
	}
	q := p.below()
	p.expect(")")
	return func(s scope) value {
		switch found := q.column(s); len(found) {
		case 0:
			return value{of: Int}
		case 1:
			return found[0]
		}
		fail(512, "Subquery returned more than 1 value.")
		return value{}
	}
}

// below reads a query in parentheses, which sees nothing of the one around it.
func (p *parser) below() query {
	inner := &parser{server: p.server, tokens: p.tokens, at: p.at}
	q := inner.query()
	p.at = inner.at
	if len(q.list) != 1 {
		fail(116, "Only one expression can be specified in the select list of a subquery here.")
	}
	return q
}

// column runs a query that has one.
func (q query) column(s scope) []value {
	var found []value
	_, lines := q.run(s.parameters)
	for _, line := range lines {
		found = append(found, line[0])
	}
	return found
}

func (p *parser) column(parts []string) expression {
	name := parts[len(parts)-1]
	for i, s := range p.from {
		c, found := s.table.find(name)
		if !found || len(parts) > 1 && parts[0] != s.alias {
			continue
		}
		p.allowed(s.table.name, name)
		if p.inside == 0 {
			p.outside = append(p.outside, name)
		}
		return func(s scope) value {
			if len(s.rows) == 0 {
				return value{of: c.of}
			}
			return stored(c.of, s.rows[0][i][name])
		}
	}
	fail(207, "Invalid column name '%s'.", name)
	return nil
}

func (p *parser) allowed(table, column string) {
	if table == "tables" || table == "columns" {
		return
	}
	if !p.server.options.May("SELECT", table, column) {
		fail(230, "The SELECT permission was denied on the column '%s' of the object '%s', database 'vault', schema 'dbo'.", column, table)
	}
}
