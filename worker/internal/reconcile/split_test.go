package reconcile

import (
	"errors"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

func items(n int, known, tombstone bool, text string) []item {
	all := make([]item, n)
	for i := range all {
		all[i].out = sponsorship.Outgoing{Name: text, Email: "a@example.com", Tombstone: tombstone}
		all[i].out.Marked.Wire.Known = known
	}
	return all
}

func TestFitting(t *testing.T) {
	t.Parallel()
	roomy := limits{newRows: 200, bytes: cloud.MaxBody}
	long := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct {
		items  []item
		limits limits
		want   int
	}{
		"few new rows":            {items(7, false, false, "n"), roomy, 7},
		"many new rows":           {items(500, false, false, "n"), roomy, 200},
		"many that the cloud has": {items(500, true, false, "n"), roomy, 500},
		"many withdrawals":        {items(500, false, true, "n"), roomy, 500},
		"mixed":                   {append(items(300, true, false, "n"), items(300, false, false, "n")...), roomy, 500},
		"too many bytes":          {items(100, true, false, long), roomy, 49},
		"one that is too large":   {items(2, true, false, strings.Repeat("x", 6_000_000)), roomy, 1},
	} {
		if got := fitting(c.items, c.limits); got != c.want {
			t.Errorf("%s: %d fit, want %d", name, got, c.want)
		}
	}
}

func TestCareful(t *testing.T) {
	t.Parallel()
	left := careful(0, &cloud.Error{ServerError: true})
	for range 9 {
		left = careful(left, nil)
	}
	if left != 1 || careful(left, errors.New("no answer")) != 0 || careful(0, nil) != 0 {
		t.Errorf("%d careful requests left after nine, want one", left)
	}
}
