package main

import (
	"fmt"
	"go/ast"
)

// The limits. A test's table may be long, so only its file has one.
const (
	maxFileLines     = 350
	maxFunctionLines = 60
	maxParameters    = 3 // beside the context, the test and the HTTP request: more want a struct, whose fields have names
)

// breaches returns what is over a limit in one file.
func (s source) breaches() []string {
	var over []string
	if lines := s.set.File(s.file.FileStart).LineCount(); lines > maxFileLines {
		over = append(over, fmt.Sprintf("%s: %d lines, at most %d; cut it by purpose", s.path, lines, maxFileLines))
	}
	if s.test() {
		return over
	}
	over = append(over, s.globals()...)
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		at := fmt.Sprintf("%s: %s", s.set.Position(f.Pos()), f.Name)
		if f.Recv == nil && f.Name.Name == "init" {
			over = append(over, at+" runs unseen; let main or a constructor call it")
		}
		if lines := s.lines(f); lines > maxFunctionLines {
			over = append(over, fmt.Sprintf("%s has %d lines, at most %d; give its steps names", at, lines, maxFunctionLines))
		}
		if n := parameters(f.Type); n > maxParameters {
			over = append(over, fmt.Sprintf("%s has %d parameters beside the context, at most %d; take a struct", at, n, maxParameters))
		}
	}
	return over
}

// parameters counts what a caller has to put in order. The arguments of a format
// belong to it.
func parameters(f *ast.FuncType) int {
	n := 0
	for _, p := range f.Params.List {
		_, variadic := p.Type.(*ast.Ellipsis)
		if !variadic && !ambient(p.Type) {
			n += max(len(p.Names), 1)
		}
	}
	return n
}

// request is the pair that every HTTP handler is given and hands on.
var request = map[string]bool{"http.ResponseWriter": true, "http.Request": true}

// ambient tells the parameters that always come first and cannot be mixed up.
func ambient(t ast.Expr) bool {
	if pointer, ok := t.(*ast.StarExpr); ok {
		t = pointer.X
	}
	selector, ok := t.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	from, ok := selector.X.(*ast.Ident)
	return ok && (from.Name == "context" || from.Name == "testing" || request[from.Name+"."+selector.Sel.Name])
}
