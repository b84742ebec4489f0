// Command budget holds the sizes that keep the code readable. It prints what is
// over a limit and why the limit is there; it never changes a file.
//
//	go run ./scripts/budget
//
// It looks at every Go file that git knows or would add, in the current
// directory's repository.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	os.Exit(run(os.Stdout, os.Stderr))
}

// run returns 0 when everything is within its limits, 1 when something is not,
// 2 when the files cannot be read.
func run(stdout, stderr io.Writer) int {
	files, err := sources()
	if err != nil {
		fmt.Fprintln(stderr, "budget:", err)
		return 2
	}
	over := measure(files)
	for _, finding := range over {
		fmt.Fprintln(stdout, finding)
	}
	return min(len(over), 1)
}

// source is one parsed file.
type source struct {
	path string // relative to the repository
	file *ast.File
	set  *token.FileSet
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) lines(n ast.Node) int {
	return s.set.Position(n.End()).Line - s.set.Position(n.Pos()).Line + 1
}

// sources parses the repository's Go files.
func sources() ([]source, error) {
	names, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.go").Output()
	if err != nil {
		return nil, fmt.Errorf("list the files: %w", err)
	}
	var all []source
	for name := range bytes.SplitSeq(bytes.TrimRight(names, "\x00"), []byte{0}) {
		s := source{path: string(name), set: token.NewFileSet()}
		if _, err := os.Stat(s.path); os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}
		if s.file, err = parser.ParseFile(s.set, s.path, nil, parser.ParseComments); err != nil {
			return nil, fmt.Errorf("parse: %w", err)
		}
		all = append(all, s)
	}
	return all, nil
}

// measure returns one line per breach.
func measure(files []source) []string {
	var over []string
	commented := map[string]bool{} // by folder
	for _, s := range files {
		over = append(over, s.breaches()...)
		folder := filepath.Dir(s.path)
		commented[folder] = commented[folder] || s.file.Doc != nil && !s.test()
	}
	for folder, is := range commented {
		if !is {
			over = append(over, folder+": no package comment; say what it is for and what it never does")
		}
	}
	slices.Sort(over)
	return over
}
