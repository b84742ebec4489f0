package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// packageTimeout bounds the tests of one package: a mutation that hangs them is
// noticed, too.
const packageTimeout = 150 * time.Second

// mutation is one way to break the code.
type mutation struct {
	ID, What, File, Old, New string
	Packages                 []string
}

// apply breaks the tree and returns how to mend it.
func (m mutation) apply(tree string) (mend func() error, err error) {
	path := filepath.Join(tree, m.File)
	sound, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.ID, err)
	}
	if !bytes.Contains(sound, []byte(m.Old)) {
		return nil, fmt.Errorf("%s: %s no longer holds %q: move the mutation with its code", m.ID, m.File, m.Old)
	}
	broken := bytes.Replace(sound, []byte(m.Old), []byte(m.New), 1)
	return func() error { return os.WriteFile(path, sound, 0o644) }, os.WriteFile(path, broken, 0o644)
}

// matchAll says which mutations no longer match the code.
func matchAll(_ context.Context, chosen []mutation, out io.Writer) error {
	stale := 0
	for _, m := range chosen {
		text, err := os.ReadFile(m.File)
		state := "ok   "
		if err != nil || !bytes.Contains(text, []byte(m.Old)) {
			state, stale = "STALE", stale+1
		}
		fmt.Fprintf(out, "%s %-4s %s (%s)\n", state, m.ID, m.What, m.File)
	}
	if stale > 0 {
		return fmt.Errorf("%d of %d mutations no longer match the code", stale, len(chosen))
	}
	return nil
}

// tryAll breaks a copy of the tree by each mutation in turn.
func tryAll(ctx context.Context, chosen []mutation, out io.Writer) error {
	tree, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	if err := os.CopyFS(tree, os.DirFS(".")); err != nil {
		return fmt.Errorf("copy the tree: %w", err)
	}
	survivors := 0
	for _, m := range chosen {
		killer, err := m.try(ctx, tree)
		switch {
		case err != nil:
			return err
		case killer == "":
			survivors++
			fmt.Fprintf(out, "SURVIVED %s %s\n", m.ID, m.What)
		default:
			fmt.Fprintf(out, "killed   %s %s: %s\n", m.ID, m.What, killer)
		}
	}
	if survivors > 0 {
		return fmt.Errorf("%d of %d mutations survived", survivors, len(chosen))
	}
	return nil
}

// try returns what noticed the mutation, or "".
func (m mutation) try(ctx context.Context, tree string) (killer string, err error) {
	mend, err := m.apply(tree)
	if err != nil {
		return "", err
	}
	for _, pkg := range m.Packages {
		output, failed := test(ctx, tree, pkg)
		if strings.Contains(output, "[build failed]") {
			return "", fmt.Errorf("%s does not compile, which proves nothing:\n%s", m.ID, output)
		}
		if failed {
			killer = pkg + " " + firstFailure(output)
			break
		}
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return killer, mend()
}

func test(ctx context.Context, tree, pkg string) (output string, failed bool) {
	ctx, cancel := context.WithTimeout(ctx, packageTimeout+time.Minute) // and the build
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-failfast", "-timeout", packageTimeout.String(), pkg)
	cmd.Dir = tree
	text, err := cmd.CombinedOutput()
	return string(text), err != nil
}

func firstFailure(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "--- FAIL") || strings.HasPrefix(line, "panic:") {
			return line
		}
	}
	return "failed"
}
