package sponsorship_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestUTCIsTheSameInstant(t *testing.T) {
	t.Parallel()
	if got := sponsorship.UTC(nil); got != nil {
		t.Errorf("none became %v", got)
	}
	here := time.Date(2026, 11, 22, 14, 0, 0, 0, time.FixedZone("", 2*60*60))
	if got := sponsorship.UTC(&here); !got.Equal(here) || got.Location() != time.UTC || here.Location() == time.UTC {
		t.Errorf("%v became %v", here, got)
	}
}
