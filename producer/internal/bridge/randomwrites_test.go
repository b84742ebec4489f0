package bridge_test

import (
	"fmt"

	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// offers is the vault's table of sponsorships.
const offers = "OrganizationSponsorship"

// write lets a bridge write, and demands that nothing but the row's own three columns changes,
// and that no offer goes which a member has made.
func (s *story) write(write func() (vault.Outcome, error), w vault.Write) (vault.Outcome, error) {
	s.t.Helper()
	if !s.resting && s.n(6) == 0 { // somebody is faster
		s.people()
	}
	before := jobstest.Value(s.vault.Backup(s.t.Context()))(s.t)
	outcome, err := write()
	after := jobstest.Value(s.vault.Backup(s.t.Context()))(s.t)
	s.note("  a write to row %.8s (deletes %t, marks %t): %s %v", w.Was.ID, w.Delete, w.Marked && !w.Was.Marked, outcome, err)
	changed := differing(before, after)
	if outcome != vault.Written {
		if len(changed) > 0 {
			s.t.Errorf("row %s was %s and changed: %v", w.Was.ID, outcome, changed)
		}
		return outcome, err
	}
	if _, _, until := w.Sets(); w.Delete || w.Marked != w.Was.Marked || until || !w.Marked {
		s.wrote++ // all but the date of the last sync of what runs out, which follows each sync
	}
	s.requireOurs(w, changed)
	stands, standing := s.standing()[w.Was.ID]
	if ends := w.Delete || w.Marked && !w.Was.Marked; ends && standing && s.cameBack[w.Was.ID] != stands.Email {
		s.t.Errorf("the offer of row %s to %s, which a member has made, was ended", w.Was.ID, stands.Email)
	}
	jobstest.Must(s.t, s.script.Look(s.t.Context()))
	return outcome, err
}

// requireOurs: what changed is the row that was to be written, and only what is ours of it.
func (s *story) requireOurs(w vault.Write, changed []string) {
	s.t.Helper()
	ours := map[string]bool{}
	for _, column := range []string{"LastSyncDate", "ValidUntil", "ToDelete"} {
		ours[offers+" "+w.Was.ID+" "+column] = !w.Delete
	}
	ours[offers+" "+w.Was.ID+" gone"] = w.Delete
	for _, what := range changed {
		if !ours[what] {
			s.t.Errorf("a write to row %s changed %s", w.Was.ID, what)
		}
	}
}

// differing names the columns that differ, as "Table id column", and the rows that came or went.
func differing(before, after vaulttest.Backup) (all []string) {
	for table, rows := range before {
		now, was := byID(after[table]), byID(rows)
		for id, row := range was {
			if now[id] == nil {
				all = append(all, table+" "+id+" gone")
				continue
			}
			for column, value := range row {
				if fmt.Sprint(now[id][column]) != fmt.Sprint(value) {
					all = append(all, table+" "+id+" "+column)
				}
			}
		}
		for id := range now {
			if was[id] == nil {
				all = append(all, table+" "+id+" new")
			}
		}
	}
	return all
}

func byID(rows []vaulttest.Record) map[string]vaulttest.Record {
	all := map[string]vaulttest.Record{}
	for _, row := range rows {
		id := row["Id"]
		if id == nil {
			id = row["MigrationId"]
		}
		all[strings.ToLower(fmt.Sprint(id))] = row
	}
	return all
}

// requireShown: each row says what became of its offer, and none stays that is over.
func (s *story) requireShown() {
	s.t.Helper()
	all := s.entries()
	links := jobstest.Value(s.memory.Load(s.t.Context(), s.org))(s.t).Links
	seen := jobstest.Value(s.source.Database.Read(s.t.Context(), s.org))(s.t)
	standing := s.standing()
	for _, r := range seen.Rows {
		link := links[r.ID]
		entry := all[link.Key]
		o, stands := standing[r.ID]
		switch {
		case stands && s.excused(o):
			continue
		case link.Key == "" && all[r.User].Exists(): // a mark that nothing came of: it may mean the member's other row, until that has run out
			continue
		case !sponsorship.SameAddress(entry.Email, r.Email) && !(r.Marked && !entry.Exists()): // never written to
			continue
		}
		if want, got := shouldShow(entry), word(r); want != got || !sameDate(entry, r) {
			s.t.Errorf("row %s shows %s until %v; the ledger has %s until %v", r.ID, got, r.ValidUntil, want, entry.ValidUntil)
		}
	}
}

func sameDate(entry sponsorship.Sponsorship, r vault.Row) bool {
	if entry.ValidUntil == nil || r.ValidUntil == nil {
		return entry.ValidUntil == nil
	}
	return entry.ValidUntil.Sub(*r.ValidUntil).Abs() < time.Millisecond
}

// shouldShow is the word for a sponsorship in the web vault.
func shouldShow(s sponsorship.Sponsorship) string {
	words := map[sponsorship.Status]string{
		sponsorship.Sent: "Sent", sponsorship.Redeemed: "Active", sponsorship.Expiring: "Expires", sponsorship.Refused: "Requested",
	}
	if w, is := words[s.Status]; is {
		return w
	}
	return "gone, for the ledger has " + string(s.Status) + " " + string(s.Intent)
}
