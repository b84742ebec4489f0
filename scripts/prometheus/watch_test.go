package prometheus

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/metricsdoc"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(metricsdoc.Root(t), "scripts", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// expressions returns what the board asks Prometheus for, each with the panel's title.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal([]byte(file(t, "grafana/board.json")), &board); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			all[panel.Title+" "+target.RefID] = strings.ReplaceAll(target.Expr, "$__rate_interval", "1m")
		}
	}
	if len(all) == 0 {
		t.Fatal("the board asks for nothing")
	}
	return all
}

var (
	series   = regexp.MustCompile(`(sponsorsync_[a-z_]+)(\{[^}]*\})?`)
	label    = regexp.MustCompile(`([a-z]+)(?:=~|!~|!=|=)"([^"]*)"`)
	grouping = regexp.MustCompile(`\bby \(([a-z, ]*)\)`)
)

func TestBoardAndRulesUseOnlyWhatIsExported(t *testing.T) {
	t.Parallel()
	texts := expressions(t)
	texts["rules.yaml"] = file(t, "prometheus/rules.yaml")
	texts["rules_test.yaml"] = file(t, "prometheus/rules_test.yaml")
	documented := exported(t)
	for where, text := range texts {
		grouped := []string{"alertname", "le"} // that of ALERTS, and that of histograms
		for _, found := range series.FindAllStringSubmatch(text, -1) {
			labels, known := documented[found[1]]
			if !known {
				t.Errorf("%s: no program exports %s", where, found[1])
			}
			grouped = append(grouped, labels...)
			for _, l := range label.FindAllStringSubmatch(found[2], -1) {
				if !slices.Contains(append(labels, "job"), l[1]) {
					t.Errorf("%s: %s has no label %s", where, found[1], l[1])
				}
				if l[1] == "code" {
					requireCodes(t, where, l[2])
				}
			}
		}
		for _, by := range grouping.FindAllStringSubmatch(text, -1) {
			for name := range strings.SplitSeq(by[1], ", ") {
				if !slices.Contains(grouped, name) {
					t.Errorf("%s: nothing there has the label %s", where, name)
				}
			}
		}
	}
}

// exported returns the labels of each series by its name.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, m := range metricsdoc.Read(t) {
		names := []string{m.Name}
		if m.Type == "histogram" {
			names = []string{m.Name + "_bucket", m.Name + "_sum", m.Name + "_count"}
		}
		for _, name := range names {
			all[name] = append(slices.Clone(m.Labels), "le")
		}
	}
	return all
}

func requireCodes(t *testing.T, where, pattern string) {
	t.Helper()
	for code := range strings.SplitSeq(pattern, "|") {
		if code != "ok" && !slices.Contains(fault.Codes(), fault.Code(code)) {
			t.Errorf("%s: there is no code %s", where, code)
		}
	}
}

var (
	rule   = regexp.MustCompile(`(?m)^ +- alert: (\S+)\n +expr: '.*'\n +for: \S+\n +labels: \{severity: (?:critical|warning)\}\n +annotations:\n +summary: '.+'\n +action: '.+'\n +runbook: scripts/RUNBOOK\.md#(\S+)$`)
	title  = regexp.MustCompile("(?m)^#+ (.*)$")
	anchor = regexp.MustCompile(`[^a-z0-9_ -]`)
)

// Whoever is called at night finds what to do, and an alert that cannot fire is noticed.
func TestEachAlertIsTriedAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	text, tried := file(t, "prometheus/rules.yaml"), file(t, "prometheus/rules_test.yaml")
	var anchors []string
	for _, heading := range title.FindAllStringSubmatch(file(t, "RUNBOOK.md"), -1) {
		anchors = append(anchors, strings.ReplaceAll(anchor.ReplaceAllString(strings.ToLower(heading[1]), ""), " ", "-"))
	}
	rules := rule.FindAllStringSubmatch(text, -1)
	if n := strings.Count(text, "- alert:"); n == 0 || n != len(rules) {
		t.Errorf("%d of %d alerts have severity, summary, action and runbook", len(rules), n)
	}
	for _, r := range rules {
		if !strings.Contains(tried, `"`+r[1]+`"`) {
			t.Errorf("rules_test.yaml does not make %s fire", r[1])
		}
		if !slices.Contains(anchors, r[2]) {
			t.Errorf("%s leads to #%s, which the runbook does not have", r[1], r[2])
		}
	}
}
