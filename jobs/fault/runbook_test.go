package fault_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

func runbook(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../scripts/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// headings returns the names in the runbook's headings of one level that are code, sorted.
func headings[T ~string](text, level string) []T {
	var all []T
	for _, m := range regexp.MustCompile("(?m)^"+level+" `([a-z_]+)`$").FindAllStringSubmatch(text, -1) {
		all = append(all, T(m[1]))
	}
	slices.Sort(all)
	return all
}

func TestTheRunbookHasEachCodeOnceAndNoOther(t *testing.T) {
	t.Parallel()
	text := runbook(t)
	if got := headings[fault.Code](text, "###"); !slices.Equal(got, fault.Codes()) {
		t.Errorf("the runbook has the codes %v, want %v", got, fault.Codes())
	}
	if got := headings[fault.Held](text, "####"); !slices.Equal(got, fault.HeldReasons()) {
		t.Errorf("the runbook has the reasons to hold %v, want %v", got, fault.HeldReasons())
	}
}

// What the runbook says that the programs say, they do say: each quotation, between the
// places that differ, stands in the code.
func TestTheRunbookQuotesTheProgramsWordForWord(t *testing.T) {
	t.Parallel()
	code := source(t)
	quoted := 0
	for line := range strings.Lines(runbook(t)) {
		quotation, found := strings.CutPrefix(strings.TrimSpace(line), "> ")
		if !found {
			continue
		}
		quoted++
		for part := range strings.SplitSeq(quotation, "…") {
			if !strings.Contains(code, strings.TrimSpace(part)) {
				t.Errorf("the runbook quotes %q, which no program says", part)
			}
		}
	}
	if quoted < 40 {
		t.Errorf("found %d quotations in the runbook", quoted)
	}
}

// source is all that the programs can say.
func source(t *testing.T) string {
	t.Helper()
	var code strings.Builder
	root := "../.."
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		code.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	joined := regexp.MustCompile(`" ?\+\n\s*"`).ReplaceAllString(code.String(), "") // sentences that go over a line
	return strings.NewReplacer(`\"`, `"`, "%%", "%").Replace(joined)
}

// Who follows a link of the runbook arrives.
func TestTheRunbooksLinksLead(t *testing.T) {
	t.Parallel()
	text := runbook(t)
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		there[strings.NewReplacer("`", "", " ", "-").Replace(strings.ToLower(m[1]))] = true
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#]*)#?([^)]*)\)`).FindAllStringSubmatch(text, -1) {
		if file := m[1]; file != "" {
			if _, err := os.Stat(filepath.Join("../../scripts", file)); err != nil {
				t.Error(err)
			}
		} else if !there[m[2]] {
			t.Errorf("the runbook has no heading #%s", m[2])
		}
	}
}
