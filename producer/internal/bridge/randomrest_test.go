package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// rest takes every obstacle away, and goes on until nothing moves any more.
func (s *story) rest() {
	s.t.Helper()
	jobstest.Must(s.t, s.script.Rest(s.t.Context()))
	s.Cloud.ClearFaults()
	s.Land()
	s.source.away, s.source.meanwhile, s.resting = 0, func() {}, true
	s.stored = jobstest.Value(s.vault.Backup(s.t.Context()))(s.t)
	s.note("all comes to rest")
	for n := 0; n < 15 || !s.still(); n++ {
		if n == 60 {
			s.t.Fatalf("it does not come to rest: jobs %v, holds %+v, waiting %+v", s.Kinds(), s.holds(), s.preview().Waiting)
		}
		s.round()
		s.drain()
		s.answer()
		s.Pass(time.Minute)
		if n%4 == 3 {
			s.sync()
			s.drain()
			s.Pass(7 * time.Minute)
		}
		jobstest.Must(s.t, s.workers[0].Sweep(s.t.Context()))
	}
}

func (s *story) drain() {
	s.t.Helper()
	for n := 0; n < 60 && s.works(); n++ {
	}
}

// still: no job waits, nothing is held, and nothing would follow from a look.
func (s *story) still() bool {
	p := s.preview()
	return len(s.Waiting()) == 0 && len(s.holds()) == 0 && len(p.Jobs)+len(p.Writes) == 0 && len(s.waiting(p)) == 0
}

// waiting are the rows that wait for anything but the end of what a recipient has accepted.
func (s *story) waiting(p merge.Plan) []merge.Wait {
	all := s.entries()
	links := jobstest.Value(s.memory.Load(s.t.Context(), s.org))(s.t).Links
	return slices.DeleteFunc(slices.Clone(p.Waiting), func(w merge.Wait) bool {
		return sponsorship.Expiring == all[w.User].Status || all[links[w.Row].Key].Status == sponsorship.Expiring
	})
}

// requireWishes: the cloud holds what the vault wishes, and nothing else.
func (s *story) requireWishes() {
	s.t.Helper()
	wished := map[string]bool{}
	for _, o := range s.script.Wishes() {
		key, met := s.met(o)
		if wished[key] = true; !met && !s.excused(o) {
			s.t.Errorf("row %s of member %s wishes %s, and the cloud does not hold it; the ledger has %s", o.Row, o.Member, o.Email, s.described(o))
		}
	}
	for _, row := range s.Cloud.Rows(s.remote) {
		entry := s.entries()[sponsorship.ID(row.OrganizationUserID)]
		switch {
		case row.ToDelete && row.Redeemed(), wished[row.OrganizationUserID]:
		case s.toldBefore(row.OrganizationUserID) && !entry.Exists() && entry.LastSyncAt == nil: // revoked before anybody could know of it here
		default:
			s.t.Errorf("the cloud holds %s for %s, and no row wishes it; the ledger has %+v", row.OfferedToEmail, row.OrganizationUserID, entry)
		}
	}
	if twice := s.Cloud.Doubled(s.remote); len(twice) > 0 {
		s.t.Errorf("two rows with the keys %v: the organization is poisoned", twice)
	}
}

// keysOf are those under which the cloud may hold an offer.
func keysOf(o vaulttest.Offered) []sponsorship.ID {
	if o.Admin {
		return []sponsorship.ID{sponsorship.AdminKey(sponsorship.ID(o.Member), o.Email), sponsorship.ID(o.Member)}
	}
	return []sponsorship.ID{sponsorship.ID(o.Member)}
}

// met reports whether the cloud holds an offer, and under which key.
func (s *story) met(o vaulttest.Offered) (string, bool) {
	all := s.entries()
	for _, key := range keysOf(o) {
		for _, row := range s.Cloud.Rows(s.remote) {
			to := row.OfferedToEmail
			if row.Redeemed() { // the cloud has no address any more
				to = all[key].Email
			}
			if row.OrganizationUserID == string(key) && strings.EqualFold(to, o.Email) && !row.ToDelete {
				return string(key), all[key].Exists()
			}
		}
	}
	return string(keysOf(o)[0]), false
}

// excused says of an offer that the cloud does not hold that this is as it should be, and shown.
func (s *story) excused(o vaulttest.Offered) bool {
	p := s.preview()
	odd := func(kind merge.OddKind) bool {
		return slices.ContainsFunc(p.Odd, func(odd merge.Oddity) bool { return odd.Kind == kind && slices.Contains(odd.Rows, o.Row) })
	}
	switch {
	case odd(merge.OddNotOffered) && s.cameBack[o.Row] == o.Email: // not offered again before its member changes it
		return true
	case odd(merge.OddOrphan): // of an account that was gone before the bridge saw the row
		return true
	case odd(merge.OddRedeemed), odd(merge.OddTwoRows):
		return true
	case slices.ContainsFunc(p.Waiting, func(w merge.Wait) bool { return w.Row == o.Row }):
		return true
	}
	all := s.entries()
	return slices.ContainsFunc(keysOf(o), func(key sponsorship.ID) bool {
		e := all[key]
		unconfirmed := e.Reason != nil && e.Reason.Code == fault.RecipientUnconfirmed
		return unconfirmed || s.toldBefore(string(key))
	})
}

// toldBefore: the cloud holds what the official job has told it under a key, perhaps for
// another person than the vault shows. It says nobody whom, and ignores a second word.
func (s *story) toldBefore(key string) bool {
	for _, row := range s.Cloud.Rows(s.remote) {
		if row.OrganizationUserID == key && (row.Redeemed() || s.official[key][strings.ToLower(row.OfferedToEmail)]) {
			return len(s.official[key]) > 0
		}
	}
	return false
}

func (s *story) described(o vaulttest.Offered) (text string) {
	all := s.entries()
	for _, key := range keysOf(o) {
		if e, there := all[key]; there {
			text += fmt.Sprintf("%s %s(%s) %s %+v;", key, e.Status, e.Intent, e.Email, e.Reason)
		}
	}
	links := jobstest.Value(s.memory.Load(s.t.Context(), s.org))(s.t).Links
	return text + fmt.Sprintf(" the bridge %+v", links[o.Row])
}

// requireMails: nobody is mailed more often than somebody offered, and everybody is once.
func (s *story) requireMails() {
	s.t.Helper()
	standing := map[string]vaulttest.Offered{}
	for _, o := range s.script.Wishes() {
		standing[o.Email] = o
	}
	for _, address := range s.script.Addresses() {
		least, most := s.script.Mails(address)
		got := len(s.Cloud.MailsTo(address))
		if got > most {
			s.t.Errorf("%s was mailed %d times for %d offers", address, got, most)
		}
		if o, stands := standing[address]; stands && got < least && !s.unmailed(o) {
			s.t.Errorf("%s stands and was never mailed; the ledger has %s", address, s.described(o))
		}
	}
	for _, r := range s.Cloud.SyncRequests() {
		for _, row := range r.Rows {
			if row.ToDelete && row.LastSyncDate != nil {
				s.t.Error("a tombstone carries a date")
			}
		}
	}
}

// unmailed says of an offer without a mail that this is known.
func (s *story) unmailed(o vaulttest.Offered) bool {
	all := s.entries()
	for _, key := range keysOf(o) {
		if e := all[key]; s.toldBefore(string(key)) || e.Reason != nil && e.Reason.Code == fault.MailUncertain {
			return true
		}
	}
	_, met := s.met(o)
	return !met && s.excused(o)
}

// requireUntouched: nothing was written to the vault.
func (s *story) requireUntouched() {
	s.t.Helper()
	if got := jobstest.Value(s.vault.Backup(s.t.Context()))(s.t); fmt.Sprint(got) != fmt.Sprint(s.stored) {
		s.t.Error("something was written to the vault")
	}
}

// requireQuiet: what stays in the vault for ever causes nothing.
func (s *story) requireQuiet() {
	s.t.Helper()
	sent, wrote, told, tombstones := s.sent, s.wrote, s.told(), s.tombstones()
	for range 3 {
		s.Pass(25 * time.Hour)
		jobstest.Must(s.t, s.workers[0].Sweep(s.t.Context()))
		s.drain()
		s.round()
		s.drain()
	}
	if s.sent != sent {
		s.t.Errorf("%d more jobs though nothing changed", s.sent-sent)
	}
	if s.wrote != wrote {
		s.t.Errorf("%d more rows written though nothing changed", s.wrote-wrote)
	}
	if n := s.told(); n != told {
		s.t.Errorf("%d more events though nothing changed", n-told)
	}
	if n := s.tombstones(); n != tombstones {
		s.t.Errorf("%d more tombstones though nothing changed", n-tombstones)
	}
}

// told counts what was said of sponsorships.
func (s *story) told() (n int) {
	s.t.Helper()
	entries := jobstest.Value(s.Redis.XRange(s.t.Context(), state.ShardKey(state.Shard(s.org), "outbox"), "-", "+").Result())(s.t)
	for _, e := range entries {
		if strings.Contains(fmt.Sprint(e.Values), `"type":"sponsorsync.sponsorship.`) {
			n++
		}
	}
	return n
}

// tombstones counts those that left, but for what a recipient has accepted: that is asked
// about until it ends.
func (s *story) tombstones() (n int) {
	s.t.Helper()
	all := s.entries()
	for _, r := range s.Cloud.SyncRequests() {
		for _, row := range r.Rows {
			if row.ToDelete && all[sponsorship.ID(row.OrganizationUserID)].Status != sponsorship.Expiring {
				n++
			}
		}
	}
	return n
}

// organizationGoes: the server deletes it in two steps and never tells the cloud, and neither do we:
// what was with the cloud stays there, also once a person has let through what is held.
func (s *story) organizationGoes() {
	s.t.Helper()
	before, wrote := s.atCloud(), s.wrote
	looks := func() {
		for range 3 {
			s.round()
			s.drain()
			s.Pass(3 * time.Minute)
		}
	}
	s.note("the organization is deleted")
	deletion := jobstest.Value(s.vault.BeginDeleteOrganization(s.t.Context(), string(s.org)))(s.t)
	looks()
	jobstest.Must(s.t, deletion.Finish(s.t.Context()))
	looks()
	s.answer()
	looks()
	if got := s.atCloud(); !slices.Equal(got, before) {
		s.t.Errorf("the organization was deleted, and the cloud's rows changed from\n%q to\n%q", before, got)
	}
	if s.wrote != wrote {
		s.t.Errorf("%d rows of a deleted organization were written", s.wrote-wrote)
	}
}

// atCloud lists what the cloud holds.
func (s *story) atCloud() (all []string) {
	for _, row := range s.Cloud.Rows(s.remote) {
		all = append(all, fmt.Sprint(row.OrganizationUserID, " ", row.OfferedToEmail, " ", row.Redeemed(), " ", row.ToDelete))
	}
	slices.Sort(all)
	return all
}
