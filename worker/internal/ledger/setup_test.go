package ledger_test

import (
	"fmt"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const org = sponsorship.ID("10000000-0000-4000-8000-000000000001")

var t0 = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func user(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("20000000-0000-4000-8000-%012d", n))
}

type bundle struct {
	t      *testing.T
	server *miniredis.Miniredis
	rdb    redis.UniversalClient
	*ledger.Ledger
}

func setup(t *testing.T) bundle {
	t.Helper()
	server := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	sealer, err := state.NewSealer(make([]byte, 32))
	jobstest.Must(t, err)
	b := bundle{t, server, rdb, ledger.New(rdb, sealer)}
	// One that nothing was published from: revisions count from 1.
	jobstest.Must(t, rdb.HSet(t.Context(), state.ShardKey(state.Shard(org), "clock"), "last", time.Now().UnixMilli(), "floor", 0).Err())
	return b
}

// started is an organization whose first sync was asked for by hand, and done.
func started(t *testing.T) bundle {
	t.Helper()
	b := setup(t)
	_, err := b.RequestFull(t.Context(), org, ledger.Request{JobID: "first", Trigger: ledger.Manual})
	jobstest.Must(t, err)
	s := b.begin("first")
	jobstest.Must(t, s.Settle(t.Context(), ledger.Settled{Full: true, Next: 24 * time.Hour}))
	b.release(s)
	return b
}

// advance lets time go by, and the ledger notice.
func (b bundle) advance(d time.Duration) {
	b.t.Helper()
	jobstest.Must(b.t, jobstest.Ledger{Redis: b.rdb}.Advance(b.t.Context(), d))
	jobstest.Must(b.t, b.Beat(b.t.Context()))
}

func (b bundle) begin(token string) *ledger.Session {
	b.t.Helper()
	begun, err := b.Begin(b.t.Context(), org, ledger.Attempt{Token: token})
	jobstest.Must(b.t, err)
	if begun.Session == nil {
		b.t.Fatal("the lease is held by another sync")
	}
	return begun.Session
}

func (b bundle) release(s *ledger.Session) {
	b.t.Helper()
	done, err := s.Release(b.t.Context(), ledger.Leave{})
	jobstest.Must(b.t, err)
	if !done {
		b.t.Fatal("the lease was kept: there is more to do")
	}
}

func pending(n int) sponsorship.Sponsorship {
	none := sponsorship.Sponsorship{OrganizationID: org, UserID: user(n)}
	s, _, _ := sponsorship.Decide(none, sponsorship.Redeem{Email: fmt.Sprintf("m%d@example.com", n)}, sponsorship.Stamp{Now: t0})
	return s
}

func (b bundle) accept(n int, e *events.Encoded) ledger.Accepted {
	b.t.Helper()
	a, err := b.Accept(b.t.Context(), fmt.Sprint("job-", n), ledger.Write{After: pending(n), Event: e})
	jobstest.Must(b.t, err)
	return a
}

func event(id string) *events.Encoded {
	document := fmt.Sprintf(`{"specversion":"1.0","id":%q,"type":"sponsorsync.sync.succeeded","subject":%q}`, id, org)
	return &events.Encoded{ID: id, Subject: "sponsorsync." + string(org) + ".sync.succeeded", Key: string(org), Payload: []byte(document)}
}

func (b bundle) outbox() []ledger.OutboxEntry {
	b.t.Helper()
	entries, err := b.ReadOutbox(b.t.Context(), state.Shard(org), 1000, -1)
	jobstest.Must(b.t, err)
	return entries
}
