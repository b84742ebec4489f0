package bridge_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// full lets a bridge write.
func full(p *bridge.Params) { p.Rules.Writes, p.Holder.Mode = true, "full" }

// writing is a world with members' rows that were carried out, and a bridge that may write.
func writing(t *testing.T, members int) (*world, *running) {
	t.Helper()
	w := setup(t)
	b := w.bridge("a", full)
	w.round(b)
	for n := 1; n <= members; n++ {
		w.offer(acme, n, "home"+string(rune('0'+n))+"@example.com")
	}
	w.round(b)
	w.intake()
	w.allow(acme)
	return w, b
}

// allow is a person who lets the first write through, and all else that is held.
func (w *world) allow(org sponsorship.ID) {
	w.t.Helper()
	jobstest.Value(w.memory.Change(w.t.Context(), org, w.now, func(m merge.Memory) merge.Memory {
		m.Holds = append(m.Holds, merge.Hold{Reason: fault.HeldFirstWrite, Since: w.now})
		return merge.Resume(m, w.now)
	}))(w.t)
}

// answer is what the cloud says of the sponsorship of a member of acme.
func (w *world) answer(n int, status sponsorship.Status, intent sponsorship.Intent, validUntil *time.Time) {
	w.t.Helper()
	w.answerOf(acme, n, status, intent, validUntil)
}

func (w *world) answerOf(org sponsorship.ID, n int, status sponsorship.Status, intent sponsorship.Intent, validUntil *time.Time) {
	w.t.Helper()
	s := jobstest.Value(w.ledger.Get(w.t.Context(), org, user(n)))(w.t)[0]
	at := w.now
	s.Status, s.Intent, s.ValidUntil, s.LastSyncAt = status, intent, validUntil, &at
	s.Revision++
	jobstest.Must(w.t, w.seed.Put(w.t.Context(), s))
}

// shows is what the web vault says of a member's row.
func (w *world) shows(org sponsorship.ID, n int) string {
	for _, r := range w.vaults[org].Rows {
		if r.User == user(n) {
			return word(r)
		}
	}
	return "gone"
}

// word is what the web vault says of a row; the first that fits.
func word(r vault.Row) string {
	switch {
	case r.Marked && r.ValidUntil != nil:
		return "Expires"
	case r.Marked:
		return "Removed"
	case r.ValidUntil != nil:
		return "Active"
	case r.Synced != nil:
		return "Sent"
	}
	return "Requested"
}

// Nothing changes in the vault meanwhile: that the cloud has answered is enough.
func TestMembersSeeInTheVaultWhatBecameOfTheirOffers(t *testing.T) {
	t.Parallel()
	w, b := writing(t, 1)
	until := w.now.AddDate(1, 0, 0)
	for _, step := range []struct {
		status sponsorship.Status
		intent sponsorship.Intent
		until  *time.Time
		want   string
	}{
		{sponsorship.Sent, "", nil, "Sent"},
		{sponsorship.Redeemed, "", &until, "Active"},
		{sponsorship.Pending, sponsorship.IntentRevoke, &until, "Expires"},
		{sponsorship.Expiring, "", &until, "Expires"},
		{sponsorship.Removed, "", nil, "gone"},
	} {
		w.answer(1, step.status, step.intent, step.until)
		w.round(b)
		w.round(b) // nothing more
		jobstest.Equal(t, string(step.status)+" shows", w.shows(acme, 1), step.want)
		w.requireHeld(acme)
	}
	w.requireEnqueued()
	jobstest.Equal(t, "what people see", w.shown(acme).Wrote.Updates, 4) // two at the withdrawal: its date moves when it is confirmed
	jobstest.Equal(t, "what people see of deletions", w.shown(acme).Wrote.Deletions, 1)
	w.offer(acme, 1, "again@example.com")
	w.round(b)
	w.requireEnqueued("redeem again@example.com")
}

func TestNothingIsWrittenBeforeAPersonHasLetIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.bridge("a", full)
	w.round(b)
	w.offer(acme, 1, "mum@example.com")
	w.round(b)
	w.intake()
	w.answer(1, sponsorship.Sent, "", nil)
	w.round(b)
	w.round(b)
	jobstest.Equal(t, "it shows", w.shows(acme, 1), "Requested")
	w.requireHeld(acme, fault.HeldFirstWrite)
	p := jobstest.Value(b.Preview(t.Context(), acme, nil))(t)
	jobstest.Equal(t, "writes that wait", p.Counts.Writes, 1)
	w.allow(acme)
	jobstest.Must(t, w.memory.Ask(t.Context(), acme))
	w.round(b)
	jobstest.Equal(t, "it shows", w.shows(acme, 1), "Sent")
}

func TestARowThatTheServerKeepsIsToldLater(t *testing.T) {
	t.Parallel()
	w, b := writing(t, 1)
	w.answer(1, sponsorship.Sent, "", nil)
	w.busy = true
	w.round(b)
	jobstest.Equal(t, "it shows", w.shows(acme, 1), "Requested")
	jobstest.Equal(t, "people see why", w.shown(acme).Wrote.Skipped[string(merge.UnwrittenBusy)], 1)
	w.busy = false
	w.round(b)
	jobstest.Equal(t, "it shows", w.shows(acme, 1), "Sent")
	w.round(b)
	jobstest.Equal(t, "what people see", len(w.shown(acme).Wrote.Skipped), 0)
}

// A right that is missing stops neither jobs nor other organizations.
func TestAWriteThatFailsStopsNothingElse(t *testing.T) {
	t.Parallel()
	w, b := writing(t, 1)
	w.organization(bravo)
	w.offer(bravo, 1, "aunt@example.com")
	w.round(b)
	w.intake()
	w.allow(bravo)
	both := []sponsorship.ID{acme, bravo}
	for _, org := range both {
		w.unwritable[org] = fault.New(fault.BridgeDatabaseUnavailable, "write row: permission denied; GRANT UPDATE")
		w.answerOf(org, 1, sponsorship.Sent, "", nil)
		w.offer(org, 2, "dad@"+string(org[:4])+".example")
	}
	if b.Once(t.Context()) == nil {
		t.Error("all is said to be well")
	}
	w.requireEnqueued("redeem dad@1111.example", "redeem dad@2222.example")
	for _, org := range both {
		if got := w.shown(org).Error; got == nil || !strings.Contains(got.Message, "GRANT UPDATE") {
			t.Errorf("people see %+v", got)
		}
		delete(w.unwritable, org)
	}
	w.pass(time.Minute)
	w.round(b)
	for _, org := range both {
		jobstest.Equal(t, "it shows", w.shows(org, 1), "Sent")
		if got := w.shown(org).Error; got != nil {
			t.Errorf("people still see %+v", got)
		}
	}
}

// Other letters change nothing at the cloud, and no status; the row is told of its offer all the
// same.
func TestARowWhoseChangeNobodyHearsOfIsToldSoon(t *testing.T) {
	t.Parallel()
	w, b := writing(t, 1)
	w.answer(1, sponsorship.Sent, "", nil)
	w.round(b)
	r := &w.vaults[acme].Rows[0]
	r.Email, r.Name, r.Synced = "HOME1@example.com", "HOME1@example.com", nil
	w.dirty[acme] = true
	w.round(b)
	w.intake()
	w.pass(30 * time.Second)
	w.round(b)
	jobstest.Equal(t, "it shows", w.shows(acme, 1), "Sent")
}

func TestEachWriteLeavesALineWithoutAddresses(t *testing.T) {
	t.Parallel()
	w, _ := writing(t, 1)
	var log bytes.Buffer
	b := w.bridge("a", full, func(p *bridge.Params) { p.Log = zerolog.New(&log) })
	w.answer(1, sponsorship.Sent, "", nil)
	w.round(b)
	w.answer(1, sponsorship.Removed, "", nil)
	w.round(b)
	for _, want := range []string{`"who":"bridge","action":"update row"`, `"columns":["LastSyncDate"],"outcome":"written","message":"audit"`, `"action":"delete row"`, `"row":"`, string(user(1)), string(acme)} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in the log:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "@") {
		t.Errorf("an address is in the log:\n%s", log.String())
	}
}

// stopped is a database whose bridge is stopped before one of its writes.
type stopped struct {
	bridge.Database
	before    int
	meanwhile func()
}

func (d *stopped) Write(ctx context.Context, org sponsorship.ID, w vault.Write) (vault.Outcome, error) {
	if d.before--; d.before == 0 {
		d.meanwhile()
	}
	return d.Database.Write(ctx, org, w)
}

// A bridge that was stopped in the middle of its writes, so long that another one took over
// and the cloud answered again, undoes nothing when it goes on.
func TestABridgeThatWasStoppedUndoesNothing(t *testing.T) {
	t.Parallel()
	w, _ := writing(t, 4)
	until := w.now.AddDate(1, 0, 0)
	for n := 1; n <= 4; n++ {
		w.answer(n, sponsorship.Sent, "", nil)
	}
	second := w.bridge("b", full)
	first := w.bridge("a", full, func(p *bridge.Params) {
		p.Database = &stopped{p.Database, 3, func() {
			jobstest.Must(t, w.rdb.Del(t.Context(), state.BridgeLeaseKey).Err()) // its lease has ended
			w.pass(time.Minute)
			w.answer(2, sponsorship.Redeemed, "", &until)
			w.answer(3, sponsorship.Redeemed, "", &until)
			w.answer(4, sponsorship.Removed, "", nil)
			w.round(second)
			w.round(second)
		}}
	})
	_ = first.Once(t.Context())
	w.round(second)
	for n, want := range map[int]string{1: "Sent", 2: "Active", 3: "Active", 4: "gone"} {
		jobstest.Equal(t, string(user(n))+" shows", w.shows(acme, n), want)
	}
	w.requireHeld(acme)
	w.requireEnqueued()
}
