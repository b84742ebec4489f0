package cli_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Each command of the runbook is one that the program takes, with flags that it has.
// With --help in the end nothing is carried out, yet all before it is read.
func TestTheRunbooksCommandsExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../scripts/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)(?:^ *|`|exec producer )producer ([a-z][^`#|<>\n]*)").FindAllStringSubmatch(string(text), -1) {
		line, _, _ := strings.Cut(m[1], "   ")
		if line, _, _ = strings.Cut(line, " && "); seen[line] {
			continue
		}
		seen[line] = true
		r := run(t.Context(), nil, "", append(strings.Fields(line), "--help")...)
		command := regexp.MustCompile(`^[a-z-]+( [a-z]+)*`).FindString(line)
		if r.status != 0 || !strings.Contains(r.out, "Usage:\n  producer "+command+" ") {
			t.Errorf("producer %s: status %d, %s", line, r.status, r.err)
		}
	}
	if len(seen) < 20 {
		t.Errorf("found %d commands in the runbook", len(seen))
	}
}
