package reconcile_test

import (
	"context"
	"slices"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// tired does not answer in time for more than so many rows, and carries nothing of
// such a request out.
type tired struct {
	reconcile.Cloud
	most int
	seen []int // how many rows each request had
}

func (c *tired) Sync(ctx context.Context, r cloud.SyncRequest) ([]cloud.RowAnswer, error) {
	c.seen = append(c.seen, len(r.Rows))
	if len(r.Rows) > c.most {
		return nil, &cloud.Error{Fault: fault.New(fault.CloudUnavailable, "no answer in time"), Fate: cloud.NotEnded, Slow: true}
	}
	return c.Cloud.Sync(ctx, r)
}

func TestABatchThatNeverFitsTheCloudsTimeSettlesInTheEnd(t *testing.T) {
	t.Parallel()
	const members = 120
	b := setup(t)
	b.mustFull()
	slow := &tired{Cloud: b.params.Cloud, most: 40}
	b.with(func(p *reconcile.Params) { p.Cloud = slow })
	for n := range members {
		b.redeem(n)
	}
	for tries := 0; b.pending() != nil; tries++ {
		if tries == 10 {
			t.Fatalf("not settled after requests of %v rows", slow.seen)
		}
		b.afterGrace() // of its rows, and of the backoff
	}
	for n := range members {
		if got := b.get(n).Status; got != "sent" || b.mails(n) != 1 {
			t.Fatalf("member %d is %s, with %d mails", n, got, b.mails(n))
		}
	}
	if want := []int{120, 60, 30, 31, 32, 27}; !slices.Equal(slow.seen, want) {
		t.Errorf("requests of %v rows, want %v", slow.seen, want)
	}
}
