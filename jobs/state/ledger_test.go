package state_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestAcceptStoresRecordEventMarkerTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if a := b.accept(1, event("e1")); a.Conflict || a.Duplicate || a.Wake != "" {
		t.Fatalf("accepted = %+v; nothing may be woken before the first sync", a)
	}
	found, err := b.Get(t.Context(), org, user(1), user(2))
	must(t, err)
	if found[0].Status != sponsorship.Pending || found[1].Status != "" || found[1].UserID != user(2) {
		t.Fatalf("found %+v", found)
	}
	entries := b.outbox()
	if len(entries) != 1 || entries[0].ID != "e1" || entries[0].Subject != "s.e1" || string(entries[0].Payload) != `{"x":1}` {
		t.Fatalf("outbox = %+v", entries)
	}
	again, err := b.Accept(t.Context(), "job-1", state.Write{Before: 1, After: pending(1), Event: event("e2")}, t0)
	must(t, err)
	if !again.Duplicate || len(b.outbox()) != 1 {
		t.Fatalf("the second delivery of a job: %+v, %d events", again, len(b.outbox()))
	}
}

func TestAcceptRefusesAnOldRevision(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.accept(1, nil)
	a, err := b.Accept(t.Context(), "other job", state.Write{After: pending(1), Event: event("e")}, t0)
	must(t, err)
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
	if done, err := s.Release(t.Context(), false); err != nil || done {
		t.Fatalf("released with work left: %v, %v", done, err)
	}
}

func TestAWakeUpIsNeverLostBetweenTheLastLookAndTheEnd(t *testing.T) {
	t.Parallel()
	b := started(t)
	s := b.begin("sync")
	b.accept(1, nil) // after the sync's last look
	if done, _ := s.Release(t.Context(), false); done {
		t.Fatal("the lease was given back with work due")
	}
	second, err := b.Begin(t.Context(), org, state.Attempt{Token: "another", Now: at})
	must(t, err)
	if !second.Busy {
		t.Fatal("two leases at once")
	}
}

func TestMarkStopsAtALostLease(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.accept(1, nil)
	s := b.begin("slow")
	b.server.FastForward(state.LeaseLife + time.Second)
	b.begin("quick")
	if _, err := s.Mark(t.Context(), nil); !errors.Is(err, state.ErrLeaseLost) {
		t.Fatalf("err = %v, want ErrLeaseLost", err)
	}
	if err := s.Settle(t.Context(), false, t0, event("e")); !errors.Is(err, state.ErrLeaseLost) || len(b.outbox()) != 0 {
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
	if a, err := b.Accept(t.Context(), "user", state.Write{Before: 1, After: changed}, t0); err != nil || a.Conflict {
		t.Fatal(a, err)
	}
	sent := func(n int) sponsorship.Sponsorship {
		r := pending(n)
		r.Status, r.Intent, r.Revision = sponsorship.Sent, "", 2
		return r
	}
	stored, err := s.Apply(t.Context(), []state.Write{{Before: 1, After: sent(1), Event: event("a")}, {Before: 1, After: sent(2), Event: event("b")}})
	must(t, err)
	if stored[0] || !stored[1] {
		t.Fatalf("stored = %v, want only the second", stored)
	}
	if out := b.outbox(); len(out) != 1 || out[0].ID != "b" {
		t.Fatalf("outbox = %+v: the event and the record disagree", out)
	}
	due, err := s.Due(t.Context(), 10)
	must(t, err)
	if len(due) != 1 || due[0].UserID != user(1) {
		t.Fatalf("due = %+v, want the one that was changed", due)
	}
}

func TestListPagesThroughEveryStatusOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 25 {
		b.accept(n, nil)
	}
	seen, cursor := map[sponsorship.ID]bool{}, ""
	for pages := 0; ; pages++ {
		page, next, err := b.List(t.Context(), org, state.Page{Limit: 10, Cursor: cursor})
		must(t, err)
		for _, s := range page {
			if seen[s.UserID] {
				t.Fatalf("%s twice", s.UserID)
			}
			seen[s.UserID] = true
		}
		if cursor = next; next == "" {
			break
		}
	}
	if len(seen) != 25 {
		t.Fatalf("%d of 25 seen", len(seen))
	}
	_, _, err := b.List(t.Context(), org, state.Page{Limit: 10, Cursor: "nonsense"})
	_, ok := errors.AsType[*state.CursorError](err)
	if !ok {
		t.Fatalf("err = %v, want a CursorError", err)
	}
	if counts, err := b.Counts(t.Context(), org); err != nil || counts[sponsorship.Pending] != 25 || counts[sponsorship.Sent] != 0 {
		t.Fatalf("counts = %v, %v", counts, err)
	}
}

func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "the-token", LicenseKey: "the-key"}
	must(t, b.Connect(t.Context(), org, want, t0))
	got, err := b.Connection(t.Context(), org)
	must(t, err)
	if got != want {
		t.Fatalf("got %+v", got)
	}
	if dump := b.server.Dump(); strings.Contains(dump, "the-token") || strings.Contains(dump, "the-key") {
		t.Fatal("a secret is stored in clear")
	}
	if printed := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(printed, "the-") {
		t.Errorf("printed as %s", printed)
	}
	must(t, b.Connect(t.Context(), org, state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "new"}, t0))
	if got, _ = b.Connection(t.Context(), org); got.BillingSyncToken != "new" || got.LicenseKey != "the-key" {
		t.Fatalf("after saving a new token alone: %+v", got)
	}
	if _, err := b.Connection(t.Context(), user(5)); fault.CodeOf(err) != fault.ConnectionMissing {
		t.Fatalf("err = %v, want connection_missing", err)
	}
}

// What an earlier release sealed and stored opens still.
func TestStoredSecretsOpenForever(t *testing.T) {
	t.Parallel()
	const acme sponsorship.ID = "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"
	b := setup(t)
	sealer, err := state.NewSealer([]byte("0123456789abcdef0123456789abcdef"))
	must(t, err)
	b.server.HSet(fmt.Sprintf("sponsorsync:{%02d}:org:%s", state.Shard(acme), acme), "cloudOrganizationId", string(user(9)),
		"token", "3eb1bd43.VCILJMseSB+Pi0Rl92G+Fd/iSyrnN1/bwLoWta+Ka+Q6oWzkew",
		"licenseKey", "3eb1bd43.VW1pebRJFD0UttMrRpstOI4w9KM3BT0lgcDjVqyCydfUE2o")
	got, err := state.New(b.rdb, sealer).Connection(t.Context(), acme)
	must(t, err)
	if got.BillingSyncToken != "the-token" || got.LicenseKey != "the-key" {
		t.Errorf("got %q and %q", got.BillingSyncToken.Reveal(), got.LicenseKey.Reveal())
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	oldKey, newKey := make([]byte, 32), append(make([]byte, 31), 1)
	before, err := state.NewSealer(oldKey)
	must(t, err)
	sealed := before.Seal("secret", "here")
	both, err := state.NewSealer(newKey, oldKey)
	must(t, err)
	if got, err := both.Open(sealed, "here"); err != nil || got != "secret" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := both.Open(sealed, "there"); err == nil {
		t.Error("a sealed text opens in another place")
	}
	for _, damaged := range []string{sealed[:9], sealed[:12], sealed[:len(sealed)-2], sealed + "!"} {
		if _, err := both.Open(damaged, "here"); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%q: %v, want it called damaged", damaged, err)
		}
	}
	after, err := state.NewSealer(newKey)
	must(t, err)
	if _, err := after.Open(sealed, "here"); err == nil || strings.Contains(err.Error(), "secret"+"\"") {
		t.Errorf("err = %v, want one that names the missing key", err)
	}
	if _, err := state.NewSealer([]byte("short")); err == nil {
		t.Error("a short key is taken")
	}
}

func TestOutboxIsReadFromItsHead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 3 {
		b.accept(n, event(string(rune('a'+n))))
	}
	head := b.outbox()
	must(t, b.DeleteOutbox(t.Context(), state.Shard(org), []string{head[0].Position}))
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
		_, err := b.Accept(t.Context(), "job", state.Write{After: other, Event: event("e")}, t0)
		must(t, err)
		must(t, b.Connect(t.Context(), user(n), state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "x"}, t0))
	}
}

func TestLicenseOutcomeIsRecordedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n, err := b.LicenseEventNumber(t.Context(), org)
	must(t, err)
	outcome := state.LicenseOutcome{JobID: "j", Number: n, Event: event("l")}
	for range 2 {
		if ok, err := b.RecordLicense(t.Context(), org, outcome, t0); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	if len(b.outbox()) != 1 {
		t.Fatalf("%d events for one job", len(b.outbox()))
	}
	outcome.JobID = "k"
	if ok, err := b.RecordLicense(t.Context(), org, outcome, t0); err != nil || ok {
		t.Fatalf("a number that is taken: %v, %v", ok, err)
	}
}
