package state_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestInstantReadsMilliseconds(t *testing.T) {
	t.Parallel()
	for _, none := range []string{"", "0", "soon"} {
		if got := state.Instant(none); got != nil {
			t.Errorf("%q is %v", none, got)
		}
	}
	want := time.Date(2026, 11, 22, 12, 0, 0, 7_000_000, time.UTC)
	if got := state.Instant("1795348800007"); got == nil || *got != want {
		t.Errorf("%v, want %v", got, want)
	}
}
