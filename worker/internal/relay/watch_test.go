package relay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// watched waits for any of the shards, as one read in Redis does, and counts.
func (o *outbox) watched(failure error) func(context.Context, []int, time.Duration) ([]int, error) {
	return func(ctx context.Context, shards []int, block time.Duration) (found []int, err error) {
		o.watches.Add(1)
		if failure != nil {
			return nil, failure
		}
		o.mu.Lock()
		news := o.news
		o.mu.Unlock()
		for range 2 {
			o.mu.Lock()
			for _, s := range shards {
				if len(o.shards[s]) > 0 {
					found = append(found, s)
				}
			}
			o.mu.Unlock()
			if len(found) > 0 {
				break
			}
			select {
			case <-news:
			case <-time.After(block):
				return nil, nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		return found, nil
	}
}

func TestShardsWithNothingToRelayWaitTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(16)
		b.params.News = b.outbox.watched(nil)
		stop := b.run(t)
		time.Sleep(10 * time.Second)
		own := b.outbox.reads.Load()
		time.Sleep(100*time.Second + 500*time.Millisecond)
		equal(t, "reads of single shards while nothing comes", b.outbox.reads.Load(), own)
		if n := b.outbox.watches.Load(); n > 120 {
			t.Errorf("%d reads in 110 s", n)
		}
		var want []string
		for n := range 40 { // each arrives at once, however far its shard is on its way to rest
			shard := n % 3
			id := fmt.Sprintf("k%d.%d", shard, n)
			b.outbox.add(shard, id)
			synctest.Wait()
			want = append(want, id)
			equal(t, "stream", b.stream.ids(), strings.Join(want, " "))
			time.Sleep(time.Duration(n*37) * time.Millisecond)
		}
		stop()
	})
}

func TestAWatchThatFailsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(3)
		b.params.News = b.outbox.watched(errors.New("CROSSSLOT Keys in request don't hash to the same slot"))
		stop := b.run(t)
		time.Sleep(30 * time.Second)
		b.outbox.add(2, "a.1")
		synctest.Wait()
		equal(t, "stream", b.stream.ids(), "a.1")
		stop()
		if n := b.outbox.watches.Load(); n < 10 || n > 31 {
			t.Errorf("%d reads that fail in 30 s", n)
		}
	})
}
