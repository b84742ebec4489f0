package merge_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

const org = sponsorship.ID("11111111-1111-4111-8111-111111111111")

var start = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

// world is a vault, a memory and a ledger that are looked at again and again.
type world struct {
	t      *testing.T
	now    time.Time
	vault  vault.Snapshot
	memory merge.Memory
	ledger map[sponsorship.ID]sponsorship.Sponsorship
	open   map[string]bool
	placed map[string]bool // of those, the jobs that are not in the queue yet
	rules  merge.Rules
	slow   []vault.Row // as revokes have read them that have not acted yet
	jobs   []merge.Job // all of them so far
	born   int
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, now: start,
		vault: vault.Snapshot{
			Organization: org, Found: true, Members: map[sponsorship.ID]bool{}, Head: "20260814084855",
			Connections: []vault.Connection{{ID: "c1", Enabled: true, CloudOrganization: user(900), Token: "token"}},
		},
		ledger: map[sponsorship.ID]sponsorship.Sponsorship{}, open: map[string]bool{}, placed: map[string]bool{},
		rules: merge.Rules{Grace: 2 * time.Minute, Digest: digest},
	}
}

// takenOver is a world whose empty vault was looked at once.
func takenOver(t *testing.T) *world {
	w := newWorld(t)
	w.vault.Members[user(999)] = true
	w.look()
	return w
}

func digest(field, text string) string {
	sum := sha256.Sum256([]byte(field + "\x00" + text))
	return hex.EncodeToString(sum[:4])
}

func user(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("22222222-2222-4222-8222-%012d", n))
}

// offer puts the row of a new member into the vault, and returns its id.
func (w *world) offer(n int, address string) string {
	w.born++
	w.vault.Members[user(n)] = true
	id := rowID(w.now, w.born)
	w.vault.Rows = append(w.vault.Rows, vault.Row{ID: id, User: user(n), Email: address, Name: address})
	return id
}

func rowID(born time.Time, n int) string {
	midnight := born.Truncate(24 * time.Hour)
	days := int(midnight.Sub(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	return fmt.Sprintf("%08x-0000-4000-8000-%04x%08x", n, days, int64(born.Sub(midnight)*300/time.Second))
}

func (w *world) row(id string) *vault.Row {
	for i := range w.vault.Rows {
		if w.vault.Rows[i].ID == id {
			return &w.vault.Rows[i]
		}
	}
	w.t.Fatalf("no row %s", id)
	return nil
}

func (w *world) delete(id string) {
	w.vault.Rows = slices.DeleteFunc(w.vault.Rows, func(r vault.Row) bool { return r.ID == id })
}

func (w *world) plan() merge.Plan {
	snapshot := w.vault
	snapshot.Rows = slices.Clone(w.vault.Rows)
	return merge.Merge(merge.Look{
		Now: w.now, Vault: snapshot, Memory: w.memory, Ledger: w.ledger, Open: w.open, Rules: w.rules,
	})
}

// look merges, remembers, and returns what was to be enqueued.
func (w *world) look() []merge.Job {
	p := w.plan()
	w.memory = p.Memory
	w.jobs = append(w.jobs, p.Jobs...)
	w.now = w.now.Add(5 * time.Second)
	return p.Jobs
}

// settle looks, and carries jobs out until nothing moves.
func (w *world) settle() {
	for range 5 {
		w.memory = merge.Reached(w.memory, w.open)
		all := w.look()
		for _, j := range all {
			w.open[j.ID] = false
		}
		w.work(all)
		w.sync()
	}
}

// work does what the workers' intake does.
func (w *world) work(all []merge.Job) {
	for _, j := range all {
		var key sponsorship.ID
		var wish sponsorship.Request
		switch a := j.Args.(type) {
		case jobs.Redeem:
			key, wish = a.SponsorshipID(), sponsorship.Redeem{Email: a.SponsoredEmail, Name: a.FriendlyName, AdminInitiated: a.AdminInitiated}
		case jobs.Adopt:
			key, wish = a.SponsorshipID(), sponsorship.Adopt{Email: a.SponsoredEmail, Name: a.FriendlyName, AdminInitiated: a.AdminInitiated, Revoke: a.Revoke}
		case jobs.ChangeSponsorship:
			key, wish = a.OrganizationUserID, sponsorship.Change{Email: a.SponsoredEmail, Name: a.FriendlyName}
			if a.Revoke {
				wish = sponsorship.Revoke{}
			}
		}
		s := w.ledger[key]
		s.OrganizationID, s.UserID = org, key
		next, _, err := sponsorship.Decide(s, wish, sponsorship.Stamp{Now: w.now, JobID: j.ID, Vault: true})
		if err != nil {
			continue
		}
		next.Vault = true
		w.ledger[key] = next
	}
}

// sync does what the cloud does.
func (w *world) sync() {
	for key, s := range w.ledger {
		switch {
		case s.Status == sponsorship.Pending && s.Revoking():
			s.Status, s.Intent = sponsorship.Removed, ""
		case s.Status == sponsorship.Pending:
			s.Status, s.Intent = sponsorship.Sent, ""
			s.Wire.Offered, s.Wire.Known = s.Email, true
		}
		w.ledger[key] = s
	}
}

func (w *world) redeemed(key sponsorship.ID) {
	s := w.ledger[key]
	until := w.now.AddDate(1, 0, 0)
	s.Status, s.ValidUntil = sponsorship.Redeemed, &until
	w.ledger[key] = s
}

func (w *world) held(reason fault.Held) bool {
	return slices.ContainsFunc(w.memory.Holds, func(h merge.Hold) bool { return h.Reason == reason })
}

func (w *world) odd(kind merge.OddKind) bool {
	return slices.ContainsFunc(w.plan().Odd, func(o merge.Oddity) bool { return o.Kind == kind })
}

// want holds a look to the kinds of jobs that it makes.
func (w *world) want(what string, kinds ...string) []merge.Job {
	w.t.Helper()
	got := w.look()
	var names []string
	for _, j := range got {
		name := string(j.Args.Kind())
		if c, is := j.Args.(jobs.ChangeSponsorship); is && c.Revoke {
			name = "revoke"
		}
		names = append(names, name)
	}
	if !slices.Equal(names, kinds) {
		w.t.Fatalf("%s: jobs %q, want %q (holds %v)", what, names, kinds, w.memory.Holds)
	}
	return got
}
