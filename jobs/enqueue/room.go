package enqueue

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// MaxEnded is how many dead and refused jobs are kept; then new ones are refused,
// for none that is kept may be pushed out.
const MaxEnded = 1_000_000

// endedFresh is how long the number of ended jobs is believed. What many producers
// put in meanwhile may go beyond the bound, and is kept all the same.
const endedFresh = 5 * time.Second

// ended is how many jobs were dead or refused when somebody last counted.
type ended struct {
	most int64
	last atomic.Pointer[endedCount]
}

type endedCount struct {
	jobs  int64
	taken time.Time
}

// room refuses new jobs with store_full when too many that ended badly are kept.
func (c *Client) room(ctx context.Context) error {
	last := c.ended.last.Load()
	if last == nil || time.Since(last.taken) > endedFresh || last.jobs >= c.ended.most {
		dead, refused, err := c.records.Count(ctx)
		if err != nil {
			return unavailable(err, "count dead jobs")
		}
		last = &endedCount{dead + refused, time.Now()}
		c.ended.last.Store(last)
	}
	if last.jobs >= c.ended.most {
		return fault.New(fault.StoreFull, "%d jobs are dead or were refused, and no more than %d are kept", last.jobs, c.ended.most)
	}
	return nil
}

// EndedNear is the part of the bound from which on it is told.
const EndedNear = 0.8

// EndedFill returns how full the store of dead and refused jobs is: at 1 no new jobs
// are taken.
func (c *Client) EndedFill(ctx context.Context) (float64, error) {
	dead, refused, err := c.records.Count(ctx)
	return float64(dead+refused) / float64(c.ended.most), unavailable(err, "count dead jobs")
}

// EndedFull is what comes of too many dead and refused jobs.
const EndedFull = "no new jobs are taken"

// EndedWord says how full their store is, where that matters.
func EndedWord(fill float64) string { return state.FillWord(fill, EndedNear, EndedFull) }
