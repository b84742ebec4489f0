package reconcile

import (
	"errors"
	"net/http"
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
	roomy := limits{rows: 1000, newRows: 200, bytes: cloud.MaxBody}
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
		"many rows":               {items(2000, true, false, "n"), roomy, 1000},
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

func TestABatchThatTheCloudDoesNotAnswerInTimeIsHalved(t *testing.T) {
	t.Parallel()
	slow, gateway := &cloud.Error{Slow: true}, &cloud.Error{Status: http.StatusGatewayTimeout}
	for name, c := range map[string]struct {
		most, rows int
		err        error
		want       int
	}{
		"all is well":                   {0, 1000, nil, 0},
		"out of time":                   {0, 1000, slow, 500},
		"out of a gateway's time":       {0, 1000, gateway, 500},
		"again":                         {500, 500, slow, 250},
		"a smaller one":                 {500, 300, slow, 150},
		"down to the floor":             {40, 40, slow, 25},
		"no further":                    {25, 25, slow, 25},
		"one row says nothing":          {0, 1, slow, 0},
		"the cloud is away":             {0, 1000, &cloud.Error{Status: http.StatusBadGateway}, 0},
		"it chokes":                     {500, 500, &cloud.Error{ServerError: true, Status: 500}, 500},
		"it does all that it may":       {500, 500, nil, 525},
		"it does less than it may":      {500, 499, nil, 500},
		"it grows again from the least": {25, 25, nil, 26},
	} {
		if got := fewer(c.most, c.rows, c.err); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
