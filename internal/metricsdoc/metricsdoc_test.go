package metricsdoc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/metricsdoc"
)

// told collects what a check says.
type told struct {
	testing.TB
	errors []string
}

func (t *told) Errorf(format string, args ...any) {
	t.errors = append(t.errors, fmt.Sprintf(format, args...))
}
func (t *told) Helper() {}

func TestAScrapeThatDiffersIsTold(t *testing.T) {
	t.Parallel()
	var exact strings.Builder
	for _, m := range metricsdoc.Read(t) {
		if len(m.Programs) == 1 && m.Programs[0] == metricsdoc.Bridge {
			labels := ""
			for _, name := range m.Labels {
				labels += name + `="x",`
			}
			fmt.Fprintf(&exact, "# HELP %s %s\n# TYPE %s %s\n%s{%s} 1\n", m.Name, m.Help, m.Name, m.Type, m.Name, labels)
		}
	}
	for name, c := range map[string]struct {
		old, changed string
		errors       int
	}{
		"nothing differs": {"", "", 0},
		"another name":    {"sponsorsync_bridge_working", "sponsorsync_bridge_works", 2},
		"another type":    {"bridge_working gauge", "bridge_working counter", 2},
		"another label":   {`code="x"`, `reason="x"`, 2},
		"another help":    {"# HELP sponsorsync_bridge_working 1", "# HELP sponsorsync_bridge_working 2", 2},
		"one more":        {"# HELP sponsorsync_bridge_working", "# TYPE sponsorsync_more gauge\nsponsorsync_more 1\n# HELP sponsorsync_bridge_working", 1},
	} {
		heard := &told{TB: t}
		metricsdoc.Check(heard, metricsdoc.Bridge, []byte(strings.ReplaceAll(exact.String(), c.old, c.changed)))
		if len(heard.errors) != c.errors {
			t.Errorf("%s: told %q, want %d", name, heard.errors, c.errors)
		}
	}
}
