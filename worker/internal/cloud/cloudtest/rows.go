package cloudtest

import (
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

const (
	maxText  = 256                 // UTF-16 units in a name or address (PROTOCOL.md 2.2)
	graceOff = 93 * 24 * time.Hour // disabled organizations may sponsor this long past expiry
)

// Row is a sponsorship as the cloud stores it. Empty strings stand for null.
type Row struct {
	ID                      string     `json:"id"`
	OrganizationID          string     `json:"organizationId"`
	OrganizationUserID      string     `json:"organizationUserId"`
	FriendlyName            string     `json:"friendlyName"`
	OfferedToEmail          string     `json:"offeredToEmail"`
	SponsoredOrganizationID string     `json:"sponsoredOrganizationId"`
	LastSyncDate            time.Time  `json:"lastSyncDate"`
	ValidUntil              *time.Time `json:"validUntil"`
	ToDelete                bool       `json:"toDelete"`
}

// Redeemed tells whether somebody accepted the offer.
func (r Row) Redeemed() bool { return r.SponsoredOrganizationID != "" }

// syncInput is all that a sync depends on.
type syncInput struct {
	org    Organization
	stored []*Row
	batch  []*SyncRow
	now    func() time.Time // read once for each row
}

// syncPlan is what a sync will write, worked out before anything is written.
type syncPlan struct {
	inserts []*Row
	updates []*Row
	deletes []string
	answers []syncRowAnswer
}

// planSync decides every row of a batch against the organization's rows
// (PROTOCOL.md 2.5 and 2.6). Like the original it looks keys up in a table made
// before the loop, so it misses duplicates within a batch, and fails on stored ones.
func planSync(in syncInput) (syncPlan, *APIError) {
	if len(in.batch) == 0 {
		return syncPlan{answers: []syncRowAnswer{}}, nil
	}
	known := make(map[string]*Row, len(in.stored))
	for _, row := range in.stored {
		if known[row.OrganizationUserID] != nil {
			return syncPlan{}, unhandled() // duplicate key while building the table
		}
		copied := *row
		known[row.OrganizationUserID] = &copied
	}
	plan := syncPlan{answers: []syncRowAnswer{}}
	for _, sent := range in.batch {
		if sent.PlanSponsorshipType != 0 {
			return syncPlan{}, unhandled() // row 1: no such sponsored plan
		}
		if tierOf(in.org.PlanType) != tierEnterprise {
			continue // row 2
		}
		now := in.now()
		row, found := known[sent.OrganizationUserID], true
		if row == nil {
			if row, found = newRow(in.org, sent, now), false; row == nil {
				continue // rows 4 and 5
			}
		}
		row.LastSyncDate = now
		plan.add(row, sent, found)
	}
	return plan, nil
}

// newRow is the row for an unknown key, or nil when the cloud drops it silently.
func newRow(org Organization, sent *SyncRow, now time.Time) *Row {
	neverSynced := sent.ToDelete && sent.LastSyncDate == nil
	if neverSynced || longDisabled(org, now) {
		return nil
	}
	return &Row{
		OrganizationID: org.ID, OrganizationUserID: sent.OrganizationUserID,
		FriendlyName: text(sent.FriendlyName), OfferedToEmail: text(sent.OfferedToEmail),
	}
}

func longDisabled(org Organization, now time.Time) bool {
	return !org.Enabled && (org.Expires == nil || now.Sub(*org.Expires) > graceOff)
}

// add records rows 3 and 6 to 9. A new row that is to be deleted has no id yet,
// so its deletion hits nothing and the row is inserted and mailed (row 7).
func (p *syncPlan) add(row *Row, sent *SyncRow, found bool) {
	removed := sent.ToDelete && !row.Redeemed()
	if removed {
		p.deletes = append(p.deletes, row.ID)
	} else if sent.ToDelete {
		row.ToDelete = true
	}
	if found {
		p.updates = append(p.updates, row)
	} else {
		p.inserts = append(p.inserts, row)
	}
	p.answers = append(p.answers, answerRow(sent, row, removed))
}

// commit writes a plan: all inserts or none, then updates, then deletes. Nothing
// keeps a second row with a key out, and a row that has gone since it was loaded
// is updated and deleted without complaint. Text that does not fit its column
// fails the insert before anything is written.
func (w *world) commit(organizationID string, plan syncPlan) *APIError {
	for _, row := range plan.inserts {
		if tooLong(row.FriendlyName) || tooLong(row.OfferedToEmail) {
			return unhandled()
		}
	}
	updated := make(map[string]*Row, len(plan.updates))
	for _, row := range plan.updates {
		updated[row.ID] = row
	}
	rows := w.rows[organizationID]
	for i, row := range rows {
		if next := updated[row.ID]; next != nil {
			rows[i] = next
		}
	}
	gone := make(map[string]bool, len(plan.deletes))
	for _, id := range plan.deletes {
		gone[id] = true
	}
	rows = slices.DeleteFunc(rows, func(r *Row) bool { return gone[r.ID] })
	for _, row := range plan.inserts {
		stored := *row
		stored.ID = w.id()
		stored.OfferedToEmail = codePage(row.OfferedToEmail)
		row.ID = stored.ID
		rows = append(rows, &stored)
	}
	w.rows[organizationID] = rows
	return nil
}

// find returns the first row with this key.
func (w *world) find(organizationID, organizationUserID string) *Row {
	for _, row := range w.rows[strings.ToLower(organizationID)] {
		if row.OrganizationUserID == strings.ToLower(organizationUserID) {
			return row
		}
	}
	return nil
}

func (w *world) remove(row *Row) {
	w.rows[row.OrganizationID] = slices.DeleteFunc(w.rows[row.OrganizationID], func(r *Row) bool { return r.ID == row.ID })
}

// Rows lists the sponsorship rows of an organization, oldest first.
func (c *Cloud) Rows(organizationID string) []Row {
	c.mu.Lock()
	defer c.mu.Unlock()
	rows := []Row{}
	for _, row := range c.world.rows[strings.ToLower(organizationID)] {
		rows = append(rows, *row)
	}
	return rows
}

// AddRow stores a row as it is, without mail, so that a test can begin in any state.
func (c *Cloud) AddRow(row Row) Row {
	c.mu.Lock()
	defer c.mu.Unlock()
	if row.ID == "" {
		row.ID = c.world.id()
	}
	row.OrganizationID = strings.ToLower(row.OrganizationID)
	row.OrganizationUserID = strings.ToLower(row.OrganizationUserID)
	stored := row
	c.world.rows[row.OrganizationID] = append(c.world.rows[row.OrganizationID], &stored)
	return row
}

func tooLong(s string) bool { return len(utf16.Encode([]rune(s))) > maxText }

// codePage degrades an address as the bulk insert's VARCHAR does (PROTOCOL.md 2.2).
func codePage(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xff {
			return '?'
		}
		return r
	}, s)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
