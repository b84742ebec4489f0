//go:build hostile

package main

import (
	"context"
	"encoding/json"
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

const hOrg = sponsorship.ID("10000000-0000-4000-8000-000000000001")
const hUser = sponsorship.ID("20000000-0000-4000-8000-000000000001")

// dump and restore stand for a fail-over to a replica that lags, a power cut with everysec, or a restored backup.
func dump(t *testing.T, rdb redis.UniversalClient) map[string]string {
	all := map[string]string{}
	keys, _ := rdb.Keys(t.Context(), "*").Result()
	for _, k := range keys {
		all[k], _ = rdb.Dump(t.Context(), k).Result()
	}
	return all
}

func restore(t *testing.T, rdb redis.UniversalClient, all map[string]string) {
	rdb.FlushAll(t.Context())
	for k, v := range all {
		if err := rdb.RestoreReplace(t.Context(), k, 0, v).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHostileRollbackDropsEvents(t *testing.T) {
	red := jobstest.RealRedis(t)
	o, _ := redis.ParseURL(red.URL)
	rdb := redis.NewClient(o)
	defer rdb.Close()
	stack, err := jobstest.Start(jobstest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	js, err := events.Connect(events.Connection{URL: stack.NATSURL(), Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer js.Conn().Close()
	sealer, _ := state.NewSealer(make([]byte, 32))
	led := ledger.New(rdb, sealer)
	publisher := events.NewPublisher(js, events.Settings{})
	r, err := relay.New(relay.Params{Outbox: led, Publisher: publisher, Shards: state.Shards,
		Log: zerolog.New(zerolog.NewTestWriter(t)), Rand: func() float64 { return 0.5 }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	defer func() { cancel(); <-done }()
	jobsN := 0
	write := func(before, after sponsorship.Sponsorship) sponsorship.Sponsorship {
		e, _, err := events.Announce(before, after)
		if err != nil {
			t.Fatal(err)
		}
		jobsN++
		a, err := led.Accept(t.Context(), fmt.Sprint("j", jobsN), ledger.Write{Before: before.Revision, After: after, Event: &e})
		if err != nil || a.Conflict {
			t.Fatal(err, a)
		}
		return after
	}
	drained := func() {
		for {
			n, _ := led.OutboxLength(t.Context())
			if n == 0 {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	none := sponsorship.Sponsorship{OrganizationID: hOrg, UserID: hUser}
	p, _, _ := sponsorship.Decide(none, sponsorship.Redeem{Email: "a@example.com"}, sponsorship.Stamp{Now: now(), JobID: "j"})
	write(none, p)
	out, _ := sponsorship.Plan(p, now())
	marked := out.Marked
	if _, err := led.Accept(t.Context(), "mark", ledger.Write{Before: p.Revision, After: marked}); err != nil {
		t.Fatal(err)
	}
	drained()
	old := dump(t, rdb)
	// The cloud leaves the row out: refused, revision 3. Published. Then Redis loses its last second.
	write(marked, sponsorship.Apply(out, sponsorship.Answer{}, now()))
	drained()
	restore(t, rdb, old)
	// The next sync gets it through: sent, and that is what the record says.
	back, _ := led.Get(t.Context(), hOrg, hUser)
	t.Log("after the fail-over the record is", back[0].Status, back[0].Revision)
	write(back[0], sponsorship.Apply(out, sponsorship.Answer{Present: true, Others: true}, now()))
	drained()
	rec, _ := led.Get(t.Context(), hOrg, hUser)
	t.Log("RECORD:", rec[0].Status, "revision", rec[0].Revision, "outbox empty, no error reported")
	show(t, js)

	// And a Redis that restarts empty.
	rdb.FlushAll(t.Context())
	p, _, _ = sponsorship.Decide(none, sponsorship.Redeem{Email: "b@example.com"}, sponsorship.Stamp{Now: now(), JobID: "after-loss"})
	write(none, p)
	drained()
	t.Log("EMPTY Redis: new redeem accepted, outbox drained")
	show(t, js)
}

func show(t *testing.T, js jetstream.JetStream) {
	s, err := js.Stream(t.Context(), events.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := s.Info(t.Context())
	for i := uint64(1); i <= info.State.LastSeq; i++ {
		m, err := s.GetMsg(t.Context(), i)
		if err != nil {
			continue
		}
		var e events.Event[events.Sponsorship]
		_ = json.Unmarshal(m.Data, &e)
		t.Log("  STREAM:", e.ID[len(e.ID)-6:], e.Data.To, "revision", e.Data.Revision, "job", e.Data.JobID)
	}
}
