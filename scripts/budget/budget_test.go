package main

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

func parse(t *testing.T, path, text string) source {
	t.Helper()
	s := source{path: path, set: token.NewFileSet()}
	var err error
	if s.file, err = parser.ParseFile(s.set, path, text, parser.ParseComments); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	const commented = "// Package p is for nothing.\npackage p\n"
	long := "func f() {\n" + strings.Repeat("\tg()\n", maxFunctionLines) + "}\n"
	for name, c := range map[string]struct {
		path, text, want string // want is part of the only finding; "" when there is none
	}{
		"within":          {"p/a.go", commented + "func f(ctx context.Context, a, b, c int) {}\n", ""},
		"no comment":      {"p/a.go", "package p\n", "no package comment"},
		"a long file":     {"p/a.go", commented + strings.Repeat("\n", maxFileLines), "lines, at most 350"},
		"a long function": {"p/a.go", commented + long, "f has 62 lines"},
		"four parameters": {"p/a.go", commented + "func f(a, b string, c, d int) {}\n", "f has 4 parameters"},
		"unnamed":         {"p/a.go", commented + "func f(int, int, int, int) {}\n", "f has 4 parameters"},
		"a format":        {"p/a.go", commented + "func f(t *testing.T, a, b int, format string, args ...any) {}\n", ""},
		"an init":         {"p/a.go", commented + "func init() {}\n", "init runs unseen"},
		"a counter":       {"p/a.go", commented + "var n int\n", "n can change"},
		"a cache":         {"p/a.go", commented + "var cache = make(map[string]int)\n", "cache can change"},
		"a lock":          {"p/a.go", commented + "var mu = sync.Mutex{}\n", "mu can change"},
		"a pointer":       {"p/a.go", commented + "var (\n\ta = 1\n\tc = &client{}\n)\n", "c can change"},
		"constants":       {"p/a.go", commented + "var (\n\t_ I = T{}\n\terrX = errors.New(\"x\")\n\ttable = map[string]int{\"a\": 1}\n)\n", ""},
		"an embedded":     {"p/a.go", commented + "//go:embed a.txt\nvar text string\n", ""},
		"a method":        {"p/a.go", commented + "func (r R) f(a, b, c, d int) {}\n", "f has 4 parameters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := measure([]source{parse(t, c.path, c.text)})
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("found %q, want nothing", got)
			case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
				t.Errorf("found %q, want one with %q", got, c.want)
			}
		})
	}
}

func TestMeasure_TestsMayBeLong(t *testing.T) {
	t.Parallel()
	doc := parse(t, "p/doc.go", "// Package p is for nothing.\npackage p\n")
	test := parse(t, "p/a_test.go", "package p\nfunc f(a, b, c, d int) {\n"+strings.Repeat("\tg()\n", maxFunctionLines)+"}\n")
	if got := measure([]source{doc, test}); len(got) > 0 {
		t.Errorf("found %q, want nothing", got)
	}
}
