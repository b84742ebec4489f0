package monitor

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestANearBoundIsLoggedOnce(t *testing.T) {
	t.Parallel()
	for _, b := range (&Monitor{p: Params{Ledger: &state.Ledger{}}}).bounds() {
		var log bytes.Buffer
		m, near := Monitor{p: Params{Log: zerolog.New(&log)}}, false
		for _, fill := range []float64{0.1, 0.79, 0.81, 0.9, 1.2, 0.5, 0.4} {
			near = m.tell(b, fill, near)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "81 % full") || !strings.Contains(lines[0], b.name) || !strings.Contains(lines[1], "room again") {
			t.Errorf("logged %q", lines)
		}
	}
}
