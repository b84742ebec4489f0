package relay

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// watch lets the shards that have nothing to relay wait together: one read waits in
// Redis for all of them, instead of one for each. A shard rests only once such a read
// covers it; until then it goes on waiting by itself, so no event waits for a read
// that another shard holds up.
type watch struct {
	news func(ctx context.Context, shards []int, block time.Duration) ([]int, error)

	mu      sync.Mutex
	resting map[int]*rest
	joined  chan struct{} // of size 1: a shard has come
}

type rest struct {
	covered bool
	over    chan struct{} // closed when the shard has something, or must see for itself
}

func newWatch(news func(context.Context, []int, time.Duration) ([]int, error)) *watch {
	return &watch{news: news, resting: map[int]*rest{}, joined: make(chan struct{}, 1)}
}

// rest is called by a shard that has just found nothing. It returns when the shard
// should look again, which is at once until the common read covers it.
func (w *watch) rest(ctx context.Context, shard int) {
	if w.news == nil {
		return
	}
	r, covered := w.join(shard)
	if !covered {
		return
	}
	select {
	case <-r.over:
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.resting, shard)
}

func (w *watch) join(shard int) (r *rest, covered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r = w.resting[shard]; r != nil {
		return r, r.covered
	}
	w.resting[shard] = &rest{over: make(chan struct{})}
	select {
	case w.joined <- struct{}{}:
	default:
	}
	return nil, false
}

// run reads for those that rest until ctx ends.
func (w *watch) run(ctx context.Context) {
	for w.news != nil && ctx.Err() == nil {
		shards := w.cover()
		if len(shards) == 0 {
			select {
			case <-w.joined:
			case <-ctx.Done():
			}
			continue
		}
		found, err := w.read(ctx, shards)
		if err != nil { // each sees for itself, and tells what is wrong
			found = shards
		}
		w.end(found)
		if err != nil {
			_ = jobs.Sleep(ctx, blockFor) // the loop looks at ctx itself
		}
	}
}

func (w *watch) read(ctx context.Context, shards []int) ([]int, error) {
	ctx, cancel := within(ctx, readTimeout, "watch the outbox")
	defer cancel()
	return w.news(ctx, shards, blockFor)
}

// cover returns the shards of the read that is about to begin. What comes into their
// outboxes from here on, it sees.
func (w *watch) cover() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	var shards []int
	for shard, r := range w.resting {
		select {
		case <-r.over: // it has not come round to it yet
			continue
		default:
		}
		r.covered = true
		shards = append(shards, shard)
	}
	slices.Sort(shards)
	return shards
}

func (w *watch) end(shards []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, shard := range shards {
		if r := w.resting[shard]; r != nil {
			close(r.over)
		}
	}
}
