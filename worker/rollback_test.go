package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/relay"
)

const (
	rolledBackOrg  sponsorship.ID = "10000000-0000-4000-8000-000000000001"
	rolledBackUser sponsorship.ID = "20000000-0000-4000-8000-000000000001"
)

// rollback is a ledger whose events a relay carries to a real stream.
type rollback struct {
	t      *testing.T
	rdb    *redis.Client
	ledger *ledger.Ledger
	js     jetstream.JetStream
	jobs   int
}

func newRollback(t *testing.T) *rollback {
	t.Helper()
	options := jobstest.Value(redis.ParseURL(jobstest.RealRedis(t).URL))(t)
	b := &rollback{t: t, rdb: redis.NewClient(options)}
	t.Cleanup(func() { _ = b.rdb.Close() })
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	b.js = jobstest.Value(events.Connect(events.Connection{URL: stack.NATSURL(), Name: t.Name()}))(t)
	t.Cleanup(b.js.Conn().Close)
	b.ledger = ledger.New(b.rdb, jobstest.Value(state.NewSealer([]byte(encryptionKey)))(t))
	carrier := jobstest.Value(relay.New(relay.Params{
		Outbox: b.ledger, Publisher: events.NewPublisher(b.js, events.Settings{}), Shards: state.Shards,
		Log: zerolog.Nop(), Rand: func() float64 { return 0.5 },
	}))(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); carrier.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

// put stores what becomes of the record, with its event, and waits until the
// relay has taken it.
func (b *rollback) put(next func(sponsorship.Sponsorship) sponsorship.Sponsorship) {
	b.t.Helper()
	b.jobs++
	current := b.record()
	for stored := false; !stored; {
		write := jobstest.Value(ledger.Announced(current, next(current)))(b.t)
		accepted := jobstest.Value(b.ledger.Accept(b.t.Context(), fmt.Sprint("job-", b.jobs), write))(b.t)
		stored, current = !accepted.Conflict, accepted.Current
	}
	jobstest.Eventually(b.t, jobstest.Timeout, func() bool {
		return jobstest.Value(b.ledger.OutboxLength(b.t.Context()))(b.t) == 0
	})
}

func (b *rollback) record() sponsorship.Sponsorship {
	b.t.Helper()
	return jobstest.Value(b.ledger.Get(b.t.Context(), rolledBackOrg, rolledBackUser))(b.t)[0]
}

// agrees demands that the stream's last word is what the record says.
func (b *rollback) agrees(messages uint64) {
	b.t.Helper()
	stream := jobstest.Value(b.js.Stream(b.t.Context(), events.StreamName))(b.t)
	last := stream.CachedInfo().State.LastSeq
	jobstest.Equal(b.t, "events in the stream", last, messages)
	m := jobstest.Value(stream.GetMsg(b.t.Context(), last))(b.t)
	e := jobstest.Value(events.Decode[events.Sponsorship](m.Data))(b.t)
	jobstest.Equal(b.t, "last status in the stream", e.Data.To, b.record().Status)
	jobstest.Equal(b.t, "last revision in the stream", e.Data.Revision, b.record().Revision)
}

func redeemed(address string) func(sponsorship.Sponsorship) sponsorship.Sponsorship {
	return func(s sponsorship.Sponsorship) sponsorship.Sponsorship {
		next, _, _ := sponsorship.Decide(s, sponsorship.Redeem{Email: address}, sponsorship.Stamp{Now: time.Now(), JobID: address})
		return next
	}
}

func answered(a sponsorship.Answer) func(sponsorship.Sponsorship) sponsorship.Sponsorship {
	return func(s sponsorship.Sponsorship) sponsorship.Sponsorship {
		out, _ := sponsorship.Plan(s, time.Now())
		return sponsorship.Apply(out, a, time.Now())
	}
}

// A fail-over to a replica that lags, a power cut, a restored copy, a store that
// comes back empty: what happens then is told under ids of its own.
func TestALedgerThatWentBackLosesNoNewEvent(t *testing.T) {
	t.Parallel()
	b := newRollback(t)
	b.put(redeemed("a@example.com"))
	b.agrees(1)
	copied := map[string]string{}
	for _, key := range jobstest.Value(b.rdb.Keys(t.Context(), "*").Result())(t) {
		copied[key] = jobstest.Value(b.rdb.Dump(t.Context(), key).Result())(t)
	}
	b.put(answered(sponsorship.Answer{})) // the cloud leaves it out: refused
	b.agrees(2)

	jobstest.Must(t, b.rdb.FlushAll(t.Context()).Err())
	for key, text := range copied {
		jobstest.Must(t, b.rdb.RestoreReplace(t.Context(), key, 0, text).Err())
	}
	b.put(answered(sponsorship.Answer{Present: true, Others: true})) // and now it takes it
	b.agrees(3)

	jobstest.Must(t, b.rdb.FlushAll(t.Context()).Err())
	b.put(redeemed("b@example.com"))
	b.agrees(4)
}
