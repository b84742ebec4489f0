package ledger_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

func TestAcceptStoresRecordEventMarkerTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if a := b.accept(1, event("e1")); a.Conflict || a.Duplicate || a.Wake != "" {
		t.Fatalf("accepted = %+v; nothing may be woken before the first sync", a)
	}
	found, err := b.Get(t.Context(), org, user(1), user(2))
	jobstest.Must(t, err)
	if found[0].Status != sponsorship.Pending || found[1].Status != "" || found[1].UserID != user(2) {
		t.Fatalf("found %+v", found)
	}
	entries := b.outbox()
	if len(entries) != 1 || !reflect.DeepEqual(entries[0].Encoded, *event("e1")) || entries[0].Foreign != nil {
		t.Fatalf("outbox = %+v", entries)
	}
	again, err := b.Accept(t.Context(), "job-1", ledger.Write{Before: 1, After: pending(1), Event: event("e2")})
	jobstest.Must(t, err)
	if !again.Duplicate || len(b.outbox()) != 1 {
		t.Fatalf("the second delivery of a job: %+v, %d events", again, len(b.outbox()))
	}
}

func TestAcceptRefusesAnOldRevision(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.accept(1, nil)
	a, err := b.Accept(t.Context(), "other job", ledger.Write{After: pending(1), Event: event("e")})
	jobstest.Must(t, err)
	if !a.Conflict || a.Current.Revision != 1 || len(b.outbox()) != 0 {
		t.Fatalf("accepted = %+v with %d events, want a conflict that shows the record", a, len(b.outbox()))
	}
}

func TestOneWakeUpAGeneration(t *testing.T) {
	t.Parallel()
	b := started(t)
	first, second := b.accept(1, nil), b.accept(2, nil)
	if first.Wake == "" || second.Wake != "" {
		t.Fatalf("wake-ups %q and %q, want only the first", first.Wake, second.Wake)
	}
	s := b.begin("sync")
	if third := b.accept(3, nil); third.Wake == "" || third.Wake == first.Wake {
		t.Fatalf("wake-up %q after a sync began, want a new generation", third.Wake)
	}
	if done, err := s.Release(t.Context(), ledger.Leave{}); err != nil || done {
		t.Fatalf("released with work left: %v, %v", done, err)
	}
}

func TestAWakeUpIsNeverLostBetweenTheLastLookAndTheEnd(t *testing.T) {
	t.Parallel()
	b := started(t)
	s := b.begin("sync")
	b.accept(1, nil) // after the sync's last look
	if done, _ := s.Release(t.Context(), ledger.Leave{}); done {
		t.Fatal("the lease was given back with work due")
	}
	second, err := b.Begin(t.Context(), org, ledger.Attempt{Token: "another"})
	jobstest.Must(t, err)
	if !second.Busy {
		t.Fatal("two leases at once")
	}
}

func TestMarkStopsAtALostLease(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	s := b.begin("slow")
	b.server.FastForward(ledger.LeaseLife + time.Second)
	b.begin("quick")
	if _, err := s.Mark(t.Context(), ledger.Departure{}); !errors.Is(err, ledger.ErrLeaseLost) {
		t.Fatalf("err = %v, want ErrLeaseLost", err)
	}
	if err := s.Settle(t.Context(), ledger.Settled{Event: event("e")}); !errors.Is(err, ledger.ErrLeaseLost) || len(b.outbox()) != 0 {
		t.Fatalf("settle: %v with %d events", err, len(b.outbox()))
	}
}

func TestApplyLeavesAloneWhatWasChangedMeanwhile(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	b.accept(2, nil)
	s := b.begin("sync")
	changed := pending(1)
	changed.Revision = 2
	if a, err := b.Accept(t.Context(), "user", ledger.Write{Before: 1, After: changed}); err != nil || a.Conflict {
		t.Fatal(a, err)
	}
	sent := func(n int) sponsorship.Sponsorship {
		r := pending(n)
		r.Status, r.Intent, r.Revision = sponsorship.Sent, "", 2
		return r
	}
	stored, err := s.Apply(t.Context(), []ledger.Write{{Before: 1, After: sent(1), Event: event("a")}, {Before: 1, After: sent(2), Event: event("b")}}, ledger.Ended{})
	jobstest.Must(t, err)
	if stored[0] || !stored[1] {
		t.Fatalf("stored = %v, want only the second", stored)
	}
	if out := b.outbox(); len(out) != 1 || out[0].ID != "b" {
		t.Fatalf("outbox = %+v: the event and the record disagree", out)
	}
	due, err := s.Due(t.Context(), 10)
	jobstest.Must(t, err)
	if len(due) != 1 || due[0].UserID != user(1) {
		t.Fatalf("due = %+v, want the one that was changed", due)
	}
}

// Who may write to Redis must not get the worker's rights in NATS by it.
func TestOutboxKnowsItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := state.ShardKey(state.Shard(org), "outbox")
	for _, values := range [][]string{
		{"id", "e", "subject", "$JS.API.STREAM.DELETE.SPONSORSYNC", "key", "k", "payload", ""},
		{"v", "1"},
		{"v", "0", "event", string(event("a").Payload)},
		{"v", "1", "event", strings.Replace(string(event("b").Payload), "sponsorsync.sync", "$JS.API.STREAM", 1)},
		{"v", "2", "event", "what a later version writes"},
	} {
		_, err := b.server.XAdd(key, "*", values)
		jobstest.Must(t, err)
	}
	b.accept(1, event("ours"))
	entries := b.outbox()
	jobstest.Equal(t, "entries", len(entries), 6)
	var foreign []string
	for _, e := range entries[:4] {
		if e.Foreign == nil || e.Newer {
			t.Errorf("taken for ours: %+v", e)
		}
		foreign = append(foreign, e.Position)
	}
	if !entries[4].Newer || entries[4].Foreign != nil {
		t.Errorf("not left to the newer version: %+v", entries[4])
	}
	for _, want := range []int{4, 0} { // the second worker finds nothing
		n, err := b.SetAside(t.Context(), state.Shard(org), foreign)
		jobstest.Must(t, err)
		jobstest.Equal(t, "set aside", n, want)
	}
	kept := jobstest.Value(b.server.Stream(key + ":aside"))(t)
	jobstest.Equal(t, "kept", len(kept), 4)
	jobstest.Equal(t, "kept, with its words", strings.Join(kept[0].Values[:6], " "),
		"position "+foreign[0]+" id e subject $JS.API.STREAM.DELETE.SPONSORSYNC")
	jobstest.Equal(t, "left", len(b.outbox()), 2)
}

func TestOutboxIsReadFromItsHead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 3 {
		b.accept(n, event(string(rune('a'+n))))
	}
	head := b.outbox()
	jobstest.Must(t, b.DeleteOutbox(t.Context(), state.Shard(org), []string{head[0].Position}))
	if rest := b.outbox(); len(rest) != 2 || rest[0].ID != "b" {
		t.Fatalf("rest = %+v", rest)
	}
	if n, err := b.OutboxLength(t.Context()); err != nil || n != 2 {
		t.Fatalf("length %d, %v", n, err)
	}
}

// slotHook fails the test when one command or script touches two slots.
type slotHook struct {
	redis.Hook
	t *testing.T
}

func (h slotHook) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h slotHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (h slotHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			tag := ""
			n := cmd.Args()[2].(int)
			for _, key := range cmd.Args()[3 : 3+n] {
				k := key.(string)
				found := k[strings.Index(k, "{"):strings.Index(k, "}")]
				if tag != "" && tag != found {
					h.t.Errorf("keys of slots %s} and %s} in one script", tag, found)
				}
				tag = found
			}
		}
		return next(ctx, cmd)
	}
}

func TestAScriptTouchesOneSlot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rdb.AddHook(slotHook{t: t})
	for n := range 5 {
		other := pending(1)
		other.OrganizationID = user(n)
		_, err := b.Accept(t.Context(), "job", ledger.Write{After: other, Event: event("e")})
		jobstest.Must(t, err)
		jobstest.Must(t, b.Connect(t.Context(), user(n), state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "x"}))
	}
}

func TestLicenseOutcomeIsRecordedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n, err := b.LicenseEventNumber(t.Context(), org)
	jobstest.Must(t, err)
	outcome := ledger.LicenseOutcome{JobID: "j", Number: n, Event: event("l")}
	for range 2 {
		if ok, err := b.RecordLicense(t.Context(), org, outcome); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	if len(b.outbox()) != 1 {
		t.Fatalf("%d events for one job", len(b.outbox()))
	}
	outcome.JobID = "k"
	if ok, err := b.RecordLicense(t.Context(), org, outcome); err != nil || ok {
		t.Fatalf("a number that is taken: %v, %v", ok, err)
	}
}

// Other programs' tests fill the ledger without a worker; it must be one that a
// worker goes on with.
func TestASeededLedgerIsLikeAWorkersOwn(t *testing.T) {
	t.Parallel()
	own, seeded := started(t), setup(t)
	own.accept(1, nil)
	seed := jobstest.Ledger{Redis: seeded.rdb}
	jobstest.Must(t, seed.Start(t.Context(), org))
	jobstest.Must(t, seed.Put(t.Context(), pending(1)))
	for _, b := range []bundle{own, seeded} {
		next := pending(1)
		next.Revision = 2
		a, err := b.Accept(t.Context(), "next", ledger.Write{Before: 1, After: next})
		jobstest.Must(t, err)
		due, err := b.begin("sync").Due(t.Context(), 10)
		jobstest.Must(t, err)
		if a.Conflict || len(due) != 1 || due[0] != next {
			t.Errorf("accepted %+v, then due %+v; want the record at revision 2", a, due)
		}
	}
}
