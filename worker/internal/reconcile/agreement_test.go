package reconcile_test

import (
	"slices"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// checkRows: the cloud holds nothing twice.
func (m *model) checkRows() {
	if twice := m.cloud.Doubled(m.remote.ID); len(twice) > 0 {
		m.rt.Fatalf("two rows with the keys %v: the organization is poisoned", twice)
	}
}

// checkAgreement: both sides tell the same of every sponsorship.
func (m *model) checkAgreement() {
	rows := map[string]cloudtest.Row{}
	for _, row := range m.cloud.Rows(m.remote.ID) {
		rows[row.OrganizationUserID] = row
	}
	for _, s := range m.all() {
		row, there := rows[string(s.UserID)]
		delete(rows, string(s.UserID))
		agreed := false
		switch s.Status {
		case sponsorship.Removed:
			agreed = !there
		case sponsorship.Sent:
			agreed = there && !row.Redeemed() && row.OfferedToEmail == s.Email && !row.ToDelete
		case sponsorship.Redeemed:
			agreed = there && row.Redeemed() && !row.ToDelete && s.ValidUntil != nil
		case sponsorship.Expiring:
			agreed = there && row.Redeemed() && row.ToDelete
		}
		if !agreed {
			m.rt.Fatalf("here %s (%+v), in the cloud %v: %+v", describe(s), s, there, row)
		}
	}
	if len(rows) > 0 {
		m.rt.Fatalf("the cloud offers what nobody here knows of: %+v", rows)
	}
}

// checkWishes: each member has what the last wish says that was not refused, unless
// the recipient was faster.
func (m *model) checkWishes() {
	last := map[sponsorship.ID]*ticket{}
	inspector := enqueue.NewInspector(m.client)
	for _, t := range m.tickets {
		if s, _, err := inspector.Job(m.t.Context(), t.id); err == nil && s.State == enqueue.StateDone {
			last[t.args.SponsorshipID()] = t
		}
	}
	for id, wish := range last {
		s := m.read(id)
		if m.tooLate(wish) {
			continue
		}
		fulfilled := true
		switch a := wish.args.(type) {
		case jobs.Redeem:
			fulfilled = s.Email == a.SponsoredEmail && s.Status != sponsorship.Removed
		case jobs.ChangeSponsorship:
			fulfilled = a.Revoke == (s.Status == sponsorship.Removed || s.Status == sponsorship.Expiring) &&
				(a.SponsoredEmail == "" || a.SponsoredEmail == s.Email) && (a.FriendlyName == "" || a.FriendlyName == s.Name)
		}
		if !fulfilled {
			m.rt.Fatalf("the last wish is %+v, and the sponsorship %s: %+v", wish.args, describe(s), s)
		}
	}
}

// tooLate reports whether it was told since a wish took effect that the recipient had
// been faster. The reason does not stay for ever: the cloud may lose such an offer.
func (m *model) tooLate(wish *ticket) bool {
	return slices.ContainsFunc(m.order, func(e ledger.OutboxEntry) bool {
		event, err := events.Decode[events.Sponsorship](e.Payload)
		return err == nil && event.Data.OrganizationUserID == wish.args.SponsorshipID() && event.Data.Revision > wish.at &&
			event.Data.Reason != nil && event.Data.Reason.Code == fault.AlreadyRedeemed
	})
}

func (m *model) all() []sponsorship.Sponsorship {
	all, _, err := m.ledger.List(m.t.Context(), org, state.Page{Limit: 1000})
	if err != nil {
		m.rt.Fatal(err)
	}
	return all
}

// checkMails: nobody is mailed more often than somebody asked for.
func (m *model) checkMails() {
	got := map[sponsorship.ID]map[string]int{}
	for _, mail := range m.cloud.Mails() {
		if mail.OrganizationID != m.remote.ID {
			continue
		}
		id := sponsorship.ID(mail.OrganizationUserID)
		if got[id] == nil {
			got[id] = map[string]int{}
		}
		got[id][mail.To]++
		if got[id][mail.To] > m.asked[id][mail.To]+m.restores { // what was put back wishes it once more
			m.rt.Fatalf("%s was mailed %d times for %s, asked for %d times", mail.To, got[id][mail.To], id, m.asked[id][mail.To])
		}
	}
	for _, s := range m.all() {
		uncertain := m.restores > 0 || s.Reason != nil && s.Reason.Code == fault.MailUncertain
		if slices.Contains([]sponsorship.Status{sponsorship.Sent, sponsorship.Redeemed}, s.Status) && got[s.UserID][s.Email] == 0 && !uncertain {
			m.rt.Fatalf("%s is %s, and no mail has ever gone there", s.UserID, s.Status)
		}
	}
	for _, r := range m.cloud.SyncRequests() {
		for _, row := range r.Rows {
			if row.ToDelete && row.LastSyncDate != nil {
				m.rt.Fatal("a tombstone carries a date")
			}
		}
	}
}

// checkEvents: replayed, the events give the ledger's state. After Redis was put back
// the revisions go on above what was published.
func (m *model) checkEvents() {
	told := map[sponsorship.ID]events.Sponsorship{}
	for _, e := range m.order {
		event, err := events.Decode[events.Sponsorship](e.Payload)
		if err != nil {
			continue
		}
		id := event.Data.OrganizationUserID
		before, known := told[id]
		follows := m.restores > 0 || event.Data.From == before.To
		if known && event.Data.Revision <= before.Revision || !follows {
			m.rt.Fatalf("%s at %d follows %s at %d", event.Data.From, event.Data.Revision, before.To, before.Revision)
		}
		told[id] = event.Data
	}
	if m.restores > 0 {
		return
	}
	for _, s := range m.all() {
		last := told[s.UserID]
		if last.To != s.Status || last.Intent != s.Intent || (last.Reason == nil) != (s.Reason == nil) {
			m.rt.Fatalf("the events end at %s (%s), the ledger says %s", last.To, last.Intent, describe(s))
		}
	}
}
