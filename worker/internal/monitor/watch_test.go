package monitor

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestANearLimitIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	m, near := Monitor{Params{Log: zerolog.New(&log)}}, false
	for _, fill := range []float64{0.1, 0.79, 0.81, 0.9, 1.2, 0.5, 0.4} {
		near = m.outbox(fill, near)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "81 % full") || !strings.Contains(lines[1], "room again") {
		t.Errorf("logged %q", lines)
	}
}
