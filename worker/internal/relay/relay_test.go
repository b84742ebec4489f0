package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/worker/internal/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type bundle struct {
	outbox *outbox
	stream *stream
	log    bytes.Buffer
	params relay.Params

	published, failed, aside, duplicates int
}

// setup is called inside a synctest bubble, where time.Now is the bubble's.
func setup(shards int) *bundle {
	b := &bundle{outbox: newOutbox(shards), stream: &stream{}}
	b.params = relay.Params{
		Outbox: b.outbox, Publisher: b.stream, Shards: shards,
		Log: zerolog.New(zerolog.SyncWriter(&b.log)), Rand: func() float64 { return 0.5 },
		Metrics: relay.Metrics{
			Published: func(n int) { b.published += n },
			Failed:    func() { b.failed++ },
			SetAside:  func(n int) { b.aside += n },
			Duplicate: func(n int) { b.duplicates += n },
		},
	}
	return b
}

// run starts a relay and returns what stops it and waits.
func (b *bundle) run(t *testing.T) (stop func()) {
	t.Helper()
	r, err := relay.New(b.params)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	return func() { cancel(); <-done }
}

func TestEventsArriveInOrderAndLeaveTheOutbox(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(1)
		b.outbox.add(0, "a.1", "b.1", "a.2")
		stop := b.run(t)
		synctest.Wait()
		equal(t, "stream", b.stream.ids(), "a.1 b.1 a.2")
		b.outbox.add(0, "b.2") // while the relay waits for news
		synctest.Wait()
		equal(t, "stream", b.stream.ids(), "a.1 b.1 a.2 b.2")
		stop()
		equal(t, "left in the outbox", b.outbox.left(), 0)
		equal(t, "published", b.published, 4)
	})
}

func TestAllShardsAreRelayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(16)
		b.params.Metrics = relay.Metrics{}
		for shard := range 16 {
			b.outbox.add(shard, fmt.Sprintf("k%d.1", shard))
		}
		stop := b.run(t)
		synctest.Wait()
		stop()
		equal(t, "stored", len(b.stream.stored), 16)
		equal(t, "left in the outbox", b.outbox.left(), 0)
	})
}

func TestAnOutageIsWaitedForAndLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(1)
		b.stream.down(errors.New("no servers available"))
		b.outbox.add(0, "a.1", "a.2")
		stop := b.run(t)
		defer stop()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		equal(t, "stored", b.stream.ids(), "")
		equal(t, "left in the outbox", b.outbox.left(), 2)
		if tries := b.failed; tries < 60 || tries > 200 { // 10 minutes at about 5 s a try
			t.Errorf("%d tries in 10 minutes", tries)
		}
		equal(t, "log lines", strings.Count(b.log.String(), "no servers available"), 1)

		b.stream.down(nil)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		equal(t, "stored", b.stream.ids(), "a.1 a.2")
		equal(t, "log lines of the end", strings.Count(b.log.String(), "events flow again"), 1)
		b.outbox.add(0, "a.3")
		synctest.Wait()
		equal(t, "log lines", strings.Count(b.log.String(), "\n"), 2)
	})
}

func TestOneTroubleOfManyShardsIsOneLogLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(16)
		b.params.Metrics = relay.Metrics{}
		b.outbox.fail(errors.New("connection refused"))
		stop := b.run(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		equal(t, "log lines", strings.Count(b.log.String(), "\n"), 1)
		b.outbox.fail(nil)
		time.Sleep(6 * time.Second)
		stop()
		equal(t, "log lines", strings.Count(b.log.String(), "\n"), 2)
	})
}

func TestOnlyWhatIsAcknowledgedIsDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(1)
		b.stream.refuse = "a"
		b.outbox.add(0, "a.1", "b.1", "a.2", "c.1")
		stop := b.run(t)
		synctest.Wait()
		equal(t, "stored", b.stream.ids(), "b.1 c.1")
		equal(t, "left in the outbox", b.outbox.left(), 2)
		b.stream.refuse = ""
		stop() // the last pass takes them
		equal(t, "stored", b.stream.ids(), "b.1 c.1 a.1 a.2")
		equal(t, "left in the outbox", b.outbox.left(), 0)
	})
}

func TestTheLastPassTakesWhatCameDuringShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for i := range 1000 { // more than one round
			b.outbox.add(0, fmt.Sprintf("a.%d", i))
		}
		r, err := relay.New(b.params)
		if err != nil {
			t.Fatal(err)
		}
		r.Run(ctx)
		equal(t, "stored", len(b.stream.stored), 1000)
		equal(t, "left in the outbox", b.outbox.left(), 0)
	})
}

func TestTheLastPassIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(4)
		b.params.Metrics = relay.Metrics{}
		b.stream.hang = true
		for shard := range 4 {
			b.outbox.add(shard, "a.1")
		}
		stop := b.run(t)
		synctest.Wait()
		start := time.Now()
		stop()
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("shutdown took %v", took)
		}
		equal(t, "left in the outbox", b.outbox.left(), 4)
		if !strings.Contains(b.log.String(), "last pass: not done within") {
			t.Errorf("the log does not name the deadline: %s", b.log.String())
		}
	})
}

// Four relays fight over one outbox; each of them crashes again and again between
// the acknowledgement and the deletion, or loses the acknowledgement.
func TestAnyNumberOfRelaysKeepTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(2)
		b.params.Metrics = relay.Metrics{}
		b.outbox.chaos = sometimes(1, "crashed before the deletion")
		b.stream.chaos = sometimes(2, "the acknowledgement was lost")
		const keys, each = 8, 250
		for n := range each {
			for key := range keys {
				b.outbox.add(key%2, fmt.Sprintf("k%d.%d", key, n))
			}
		}
		var stops []func()
		for range 4 {
			stops = append(stops, b.run(t))
		}
		for b.outbox.left() > 0 {
			time.Sleep(time.Second)
		}
		for _, stop := range stops {
			stop()
		}
		equal(t, "duplicates were published", b.stream.duplicates > 0, true)
		equal(t, "stored", len(b.stream.stored), keys*each)
		for key := range keys {
			prefix := fmt.Sprintf("k%d.", key)
			n := 0
			for _, id := range b.stream.stored {
				if strings.HasPrefix(id, prefix) {
					equal(t, "event", id, fmt.Sprintf("%s%d", prefix, n))
					n++
				}
			}
		}
	})
}

func TestNewNamesNoHalfRelay(t *testing.T) {
	t.Parallel()
	full := setup(1).params
	for name, spoil := range map[string]func(*relay.Params){
		"outbox":    func(p *relay.Params) { p.Outbox = nil },
		"publisher": func(p *relay.Params) { p.Publisher = nil },
		"shards":    func(p *relay.Params) { p.Shards = 0 },
		"random":    func(p *relay.Params) { p.Rand = nil },
	} {
		p := full
		spoil(&p)
		if _, err := relay.New(p); err == nil {
			t.Errorf("a relay without %s was made", name)
		}
	}
}

// sometimes fails every third time or so.
func sometimes(seed uint64, text string) func() error {
	random := rand.New(rand.NewPCG(seed, seed))
	return func() error {
		if random.IntN(3) == 0 {
			return errors.New(text)
		}
		return nil
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
