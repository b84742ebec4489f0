package tds

import (
	"fmt"
	"slices"
	"strings"
)

// parser reads one statement and resolves its names at once, so that a name that is
// not there is an error also where there are no rows.
type parser struct {
	server  *Server
	tokens  []token
	at      int
	from    []source
	inside  int      // how many aggregates are around this place
	outside []string // columns that stand outside of any
	grouped bool     // there is an aggregate
}

type source struct {
	alias string
	table *table
}

// scope is what an expression is evaluated on: a group of rows, or one.
type scope struct {
	rows       [][]Row // of each source
	parameters map[string]value
}

type expression func(scope) value

type query struct {
	list   []expression
	from   []source
	where  []expression
	group  []expression
	single bool // all rows are one group, also when there are none
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) accept(text string) bool {
	if p.peek().is(text) {
		p.at++
		return true
	}
	return false
}

// ended refuses whatever is left.
func (p *parser) ended() {
	p.accept(";")
	if p.peek().kind != end {
		fail(102, "Incorrect syntax near '%s'.", p.peek().text)
	}
}

func (p *parser) expect(texts ...string) {
	for _, text := range texts {
		if !p.accept(text) {
			fail(102, "Incorrect syntax near '%s': want %s.", p.peek().text, text)
		}
	}
}

func (p *parser) name() string {
	t := p.peek()
	if t.kind != word && t.kind != bracketed {
		fail(102, "Incorrect syntax near '%s': want a name.", t.text)
	}
	p.at++
	return t.text
}

func (p *parser) dotted() []string {
	parts := []string{p.name()}
	for p.accept(".") {
		parts = append(parts, p.name())
	}
	return parts
}

func (p *parser) commas(one func()) {
	one()
	for p.accept(",") {
		one()
	}
}

// query reads SELECT ... [FROM ... [JOIN ... ON ...] [WHERE ...] [GROUP BY ...]]. The tables
// come first: what stands before FROM is read when they are known.
func (p *parser) query() query {
	p.expect("SELECT")
	list := p.at
	var q query
	p.skip()
	if p.accept("FROM") {
		p.source()
		for p.accept("JOIN") {
			p.source()
			p.expect("ON")
			q.where = append(q.where, p.or())
		}
	}
	tail := p.at
	p.at, p.outside = list, nil
	p.commas(func() { q.list = append(q.list, p.or()) })
	outside := p.outside
	p.at = tail
	if p.accept("WHERE") {
		q.where = append(q.where, p.or())
	}
	grouping := p.groupBy(&q)
	q.from, q.single = p.from, p.grouped && len(q.group) == 0
	for _, name := range outside {
		if (q.single || len(q.group) > 0) && !slices.Contains(grouping, name) {
			fail(8120, "Column '%s' is invalid in the select list because it is not in an aggregate or the GROUP BY clause.", name)
		}
	}
	return q
}

func (p *parser) groupBy(q *query) []string {
	if !p.accept("GROUP") {
		return nil
	}
	p.expect("BY")
	p.outside = nil
	p.commas(func() { q.group = append(q.group, p.or()) })
	return p.outside
}

// skip goes to this query's FROM or its end.
func (p *parser) skip() {
	for depth := 0; p.peek().kind != end; p.at++ {
		switch t := p.peek(); {
		case t.is("("):
			depth++
		case t.is(")") && depth == 0, depth == 0 && (t.is("FROM") || t.is(";")):
			return
		case t.is(")"):
			depth--
		}
	}
}

func (p *parser) source() {
	t := p.server.table(p.dotted())
	s := source{alias: t.name, table: t}
	if p.accept("AS") {
		s.alias = p.name()
	}
	p.from = append(p.from, s)
}

// run returns the types of the columns and the lines.
func (q query) run(parameters map[string]value) ([]Type, [][]value) {
	groups := q.groups(parameters)
	var types []Type
	var lines [][]value
	for _, of := range q.line(scope{parameters: parameters}) {
		types = append(types, of.of)
	}
	for _, rows := range groups {
		lines = append(lines, q.line(scope{rows: rows, parameters: parameters}))
	}
	return types, lines
}

func (q query) line(s scope) []value {
	line := make([]value, 0, len(q.list))
	for _, e := range q.list {
		line = append(line, e(s))
	}
	return line
}

// groups returns the rows that the conditions let through, by the values that they are grouped by.
func (q query) groups(parameters map[string]value) [][][]Row {
	var found [][][]Row
	numbers := map[string]int{}
	if q.single {
		found, numbers[""] = [][][]Row{nil}, 0
	}
	for i, row := range product(q.from) {
		s := scope{rows: [][]Row{row}, parameters: parameters}
		if slices.ContainsFunc(q.where, func(e expression) bool { return e(s).v != int64(1) }) {
			continue
		}
		key := ""
		if !q.single && len(q.group) == 0 {
			key = fmt.Sprint(i)
		}
		for _, e := range q.group {
			key += fmt.Sprintf("%v\x00", e(s).v)
		}
		at, seen := numbers[key]
		if !seen {
			at = len(found)
			numbers[key], found = at, append(found, nil)
		}
		found[at] = append(found[at], row)
	}
	return found
}

// product pairs every row of each table with every row of the others; no table at all is one row.
func product(from []source) [][]Row {
	rows := [][]Row{nil}
	for _, s := range from {
		var next [][]Row
		for _, left := range rows {
			for _, right := range s.table.rows {
				next = append(next, append(slices.Clone(left), right))
			}
		}
		rows = next
	}
	return rows
}

// set reads one SET statement of a session and returns it.
func (p *parser) set() string {
	p.expect("SET")
	from := p.at
	switch {
	case p.accept("LOCK_TIMEOUT"):
		p.literal(number)
	case p.accept("DEADLOCK_PRIORITY"):
		p.expect("LOW")
	case p.accept("XACT_ABORT"):
		p.expect("ON")
	case p.accept("NOCOUNT"):
		p.expect("OFF")
	default:
		p.expect("TRANSACTION", "ISOLATION", "LEVEL", "READ", "COMMITTED")
	}
	words := make([]string, 0, p.at-from)
	for _, t := range p.tokens[from:p.at] {
		words = append(words, t.text)
	}
	return strings.Join(words, " ")
}

func (p *parser) literal(want kind) string {
	t := p.peek()
	if t.kind != want {
		fail(102, "Incorrect syntax near '%s'.", t.text)
	}
	p.at++
	return t.text
}
