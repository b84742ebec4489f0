package tds

import (
	"maps"
	"time"
)

// change is an UPDATE or a DELETE of one table's rows.
type change struct {
	command uint16
	table   *table
	sets    []set
	where   expression
}

type set struct {
	column column
	to     expression
}

// change reads UPDATE T SET C = ... WHERE ... or DELETE FROM T WHERE ... One without a
// condition is not for us to answer.
func (p *parser) change() change {
	c := change{command: deleteCommand}
	if p.accept("UPDATE") {
		c.command = updateCommand
		p.source()
		p.expect("SET")
		p.commas(func() { c.sets = append(c.sets, p.assignment()) })
	} else {
		p.expect("DELETE", "FROM")
		p.source()
		if name := p.from[0].table.name; !p.server.options.May("DELETE", name, "") {
			fail(229, "The DELETE permission was denied on the object '%s', database 'vault', schema 'dbo'.", name)
		}
	}
	c.table = p.from[0].table
	p.expect("WHERE")
	c.where = p.or()
	return c
}

// assignment is one column and what it becomes. The column's name is no expression: it asks for the
// right to write it, not to read it.
func (p *parser) assignment() set {
	table := p.from[0].table
	name := p.name()
	c, found := table.find(name)
	if !found {
		fail(207, "Invalid column name '%s'.", name)
	}
	if !p.server.options.May("UPDATE", table.name, name) {
		fail(230, "The UPDATE permission was denied on the column '%s' of the object '%s', database 'vault', schema 'dbo'.", name, table.name)
	}
	p.expect("=")
	return set{c, p.sum()}
}

// run returns how many rows it met.
func (c change) run(parameters map[string]value) int {
	met := 0
	kept := c.table.rows[:0:0]
	for _, row := range c.table.rows {
		s := scope{rows: [][]Row{{row}}, parameters: parameters}
		if c.where(s).v != int64(1) {
			kept = append(kept, row)
			continue
		}
		met++
		if c.command == updateCommand {
			kept = append(kept, c.of(row, s))
		}
	}
	c.table.rows = kept
	return met
}

func (c change) of(row Row, s scope) Row {
	next := maps.Clone(row)
	for _, one := range c.sets {
		next[one.column.name] = assigned(one.column, one.to(s))
	}
	return next
}

// assigned is what a column keeps of a value. Of a moment with an offset it keeps the clock and
// drops the offset.
func assigned(c column, v value) any {
	switch x := v.v.(type) {
	case nil:
		return nil
	case int64:
		if c.of == Bit {
			return x != 0
		}
	case time.Time:
		if c.of == DateTime2 {
			year, month, day := x.Date()
			return time.Date(year, month, day, x.Hour(), x.Minute(), x.Second(), x.Nanosecond(), time.UTC)
		}
	}
	fail(206, "Operand type clash: column '%s' can't take %v here.", c.name, v.v)
	return nil
}
