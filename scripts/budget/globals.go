package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// globals returns the package's variables that are there to change: those without
// a value, unless it is embedded, and those that are made, pointed to or locked.
// Tables, errors, patterns and scripts are constants in all but name.
func (s source) globals() []string {
	var over []string
	for _, d := range s.file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR || embedded(g.Doc) {
			continue
		}
		for _, spec := range g.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if ok && v.Names[0].Name != "_" && !embedded(v.Doc) && changeable(v) {
				over = append(over, fmt.Sprintf("%s: %s can change and is everybody's; make it a field of what uses it",
					s.set.Position(v.Pos()), v.Names[0].Name))
			}
		}
	}
	return over
}

func embedded(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, line := range doc.List {
		if strings.HasPrefix(line.Text, "//go:embed ") {
			return true
		}
	}
	return false
}

func changeable(v *ast.ValueSpec) bool {
	if len(v.Values) == 0 {
		return true
	}
	for _, value := range v.Values {
		switch e := value.(type) {
		case *ast.UnaryExpr:
			if e.Op == token.AND || e.Op == token.ARROW {
				return true
			}
		case *ast.CallExpr:
			if f, ok := e.Fun.(*ast.Ident); ok && (f.Name == "make" || f.Name == "new") {
				return true
			}
		case *ast.CompositeLit:
			if t, ok := e.Type.(*ast.SelectorExpr); ok {
				from, ok := t.X.(*ast.Ident)
				return ok && (from.Name == "sync" || from.Name == "atomic")
			}
		}
	}
	return false
}
