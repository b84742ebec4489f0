package merge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"pgregory.net/rapid"
)

// Whatever members do, wherever a writer is killed, and however late one that was stopped
// writes: at rest the vault shows what the ledger holds, nobody's wish was overwritten, and
// none of our own writes was taken for somebody else's.
func TestPropertyTheVaultShowsWhatTheLedgerHolds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := takenOver(t)
		w.rules.Writes = true
		w.memory = allowed(w.memory)
		var late []merge.Write // of writers that were stopped
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			w.act(rt)
			p := w.plan()
			late = append(late, w.writeSome(rt, p)...)
			if n := len(late); n > 0 && rapid.Bool().Draw(rt, "one that was stopped goes on") {
				w.apply(rt, late[n-1])
				late = late[:n-1]
			}
			w.answer(rt)
			w.now = w.now.Add(time.Duration(rapid.IntRange(5, 90).Draw(rt, "pause")) * time.Second)
		}
		for range 12 {
			w.now = w.now.Add(3 * time.Minute)
			w.settle()
			p := w.plan()
			w.memory = p.Memory
			w.memory = merge.Wrote(w.memory, w.applyAll(rt, p.Writes), w.now)
			w.letThrough(rt)
		}
		w.shows(rt)
	})
}

// writeSome looks, works, and writes, as a bridge does that may be killed after any of that. It
// returns what a stopped one may still write.
func (w *world) writeSome(rt *rapid.T, p merge.Plan) []merge.Write {
	w.memory = p.Memory
	for _, j := range p.Jobs {
		w.open[j.ID] = false
	}
	w.work(p.Jobs)
	n := rapid.IntRange(0, len(p.Writes)).Draw(rt, "killed after")
	done := w.applyAll(rt, p.Writes[:n])
	if n == len(p.Writes) && rapid.Bool().Draw(rt, "remembered") {
		w.memory = merge.Wrote(w.memory, done, w.now)
		return nil
	}
	return p.Writes[n:]
}

func (w *world) applyAll(rt *rapid.T, all []merge.Write) (done []merge.Done) {
	for _, write := range all {
		done = append(done, merge.Done{Write: write, Outcome: w.apply(rt, write)})
	}
	return done
}

// apply is the compare-and-set of a database.
func (w *world) apply(rt *rapid.T, write merge.Write) vault.Outcome {
	for i, r := range w.vault.Rows {
		if r.ID != write.Was.ID {
			continue
		}
		if fmt.Sprint(row(r)) != fmt.Sprint(row(write.Was)) {
			return vault.Overtaken
		}
		if write.Delete {
			w.mayGo(rt, r)
			w.delete(r.ID)
			return vault.Written
		}
		w.vault.Rows[i].Marked, w.vault.Rows[i].Synced, w.vault.Rows[i].ValidUntil = write.Marked, write.Synced, write.ValidUntil
		return vault.Written
	}
	return vault.Overtaken
}

// mayGo: a deletion never meets a sponsorship that lives, under this address.
func (w *world) mayGo(rt *rapid.T, r vault.Row) {
	if s := w.ledger[r.User]; s.Exists() && !r.Marked && sponsorship.SameAddress(s.Email, r.Email) {
		rt.Fatalf("a row is deleted whose sponsorship is %s", s.Status)
	}
}

// row is what a row says.
func row(r vault.Row) []any {
	return []any{r.ID, r.User, r.Email, r.Name, r.Marked, moment(r.Synced), moment(r.ValidUntil)}
}

func moment(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Format(time.RFC3339Nano)
}

// answer is what the cloud does, with dates of its own.
func (w *world) answer(rt *rapid.T) {
	if !rapid.Bool().Draw(rt, "the cloud answers") {
		return
	}
	w.sync()
	for n := 1; n <= 4; n++ {
		s := w.ledger[user(n)]
		now := w.now
		switch {
		case s.Status == sponsorship.Sent && rapid.IntRange(0, 3).Draw(rt, "accepted") == 0:
			end := now.AddDate(1, 0, 0)
			s.Status, s.ValidUntil, s.LastSyncAt = sponsorship.Redeemed, &end, &now
		case s.Status == sponsorship.Sent && s.LastSyncAt == nil:
			s.LastSyncAt = &now
		default:
			continue
		}
		s.Revision++
		w.ledger[user(n)] = s
	}
}

// letThrough lets a hold for mass through; no other may come of what we write ourselves.
func (w *world) letThrough(rt *rapid.T) {
	for _, h := range w.memory.Holds {
		if !slices.Contains([]fault.Held{fault.HeldMassWithdrawal, fault.HeldMassOffer, fault.HeldRowVanished}, h.Reason) {
			rt.Fatalf("held: %+v", h)
		}
		if h.User != "" {
			w.memory = merge.Settle(w.memory, h.User, merge.SettledWithdraw)
		}
	}
	w.memory = merge.Resume(w.memory, w.now)
}

// shows holds the vault to the ledger, row by row.
func (w *world) shows(rt *rapid.T) {
	if p := w.plan(); len(p.Writes) > 0 || len(p.Jobs) > 0 {
		rt.Fatalf("not at rest: jobs %v, writes %q", p.Jobs, words(p.Writes))
	}
	for n := 1; n <= 4; n++ {
		id, s := w.own(n), w.ledger[user(n)]
		if id == "" {
			if s.Exists() {
				rt.Fatalf("member %d has no row, and the ledger has %s", n, s.Status)
			}
			continue
		}
		r := w.row(id)
		if w.memory.Unwritten[merge.UnwrittenAddress] > 0 && !sponsorship.SameAddress(s.Email, r.Email) {
			continue // its recipient has accepted the former offer: shown, and not written to
		}
		redeemed := s.ValidUntil != nil
		if !s.Exists() || s.LastSyncAt != nil && r.Synced == nil || redeemed && (r.ValidUntil == nil || !r.ValidUntil.Equal(*s.ValidUntil)) || s.Revoking() && !r.Marked {
			rt.Fatalf("member %d: the row says %v, the ledger %s, synced %s, valid until %s",
				n, row(*r), s.Status, moment(s.LastSyncAt), moment(s.ValidUntil))
		}
	}
}
