package cloudtest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// dotNetTime prints dates as the API does: UTC, at most 7 fraction digits.
const dotNetTime = "2006-01-02T15:04:05.9999999Z"

// SyncRow is one row of a sync request as the caller sent it.
type SyncRow struct {
	OrganizationUserID  string     `json:"sponsoringOrganizationUserId"`
	FriendlyName        *string    `json:"friendlyName"`
	OfferedToEmail      *string    `json:"offeredToEmail"`
	PlanSponsorshipType int        `json:"planSponsorshipType"`
	LastSyncDate        *time.Time `json:"lastSyncDate"`
	ValidUntil          *time.Time `json:"validUntil"`
	ToDelete            bool       `json:"toDelete"`
}

// syncRowAnswer is one row of the 200 answer: mostly an echo (PROTOCOL.md 2.3).
type syncRowAnswer struct {
	OrganizationUserID      string  `json:"sponsoringOrganizationUserId"`
	FriendlyName            *string `json:"friendlyName"`
	OfferedToEmail          *string `json:"offeredToEmail"`
	PlanSponsorshipType     int     `json:"planSponsorshipType"`
	LastSyncDate            string  `json:"lastSyncDate"`
	ValidUntil              *string `json:"validUntil"`
	ToDelete                bool    `json:"toDelete"`
	CloudSponsorshipRemoved bool    `json:"cloudSponsorshipRemoved"`
	IsAdminInitiated        bool    `json:"isAdminInitiated"`
}

func answerRow(sent *SyncRow, row *Row, removed bool) syncRowAnswer {
	a := syncRowAnswer{
		OrganizationUserID: sent.OrganizationUserID, FriendlyName: sent.FriendlyName,
		OfferedToEmail: sent.OfferedToEmail, PlanSponsorshipType: sent.PlanSponsorshipType,
		LastSyncDate: row.LastSyncDate.Format(dotNetTime), ToDelete: sent.ToDelete, CloudSponsorshipRemoved: removed,
	}
	if row.ValidUntil != nil {
		until := row.ValidUntil.UTC().Format(dotNetTime)
		a.ValidUntil = &until
	}
	return a
}

// serveSync works in steps, and holds the lock in none of the gaps: load, write,
// mail. Nothing of it is one transaction (PROTOCOL.md 2.7a and 2.8).
func (c *Cloud) serveSync(ex *exchange) answer {
	org, plan, refused, ok := c.loadSync(ex)
	if !ok {
		return refused
	}
	if a, ended := c.reach(ex, Loaded); ended {
		return a
	}
	if fault := c.storeSync(ex, org, plan); fault != nil {
		return errorAnswer(fault)
	}
	if a, ended := c.reach(ex, Inserted); ended {
		return a
	}
	if fault := c.mail(plan.inserts); fault != nil {
		return errorAnswer(fault)
	}
	return jsonAnswer(http.StatusOK, map[string]any{"sponsorshipsBatch": plan.answers})
}

// loadSync makes the checks in the order of PROTOCOL.md 2.4, then decides on what
// is stored now. An empty batch does not look at the rows.
func (c *Cloud) loadSync(ex *exchange) (org Organization, plan syncPlan, refused answer, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, barred, ok := c.authorize(ex.request, scopeInstallation); !ok {
		return org, plan, barred, false
	}
	if !isJSON(ex.request) {
		return org, plan, emptyAnswer(http.StatusUnsupportedMediaType), false
	}
	stored, fault := c.checkSync(ex)
	if fault == nil {
		org = *stored
		plan, fault = planSync(syncInput{org: org, stored: c.world.rows[org.ID], batch: ex.sync.batch, now: c.now})
	}
	if fault != nil {
		return org, plan, errorAnswer(fault), false
	}
	return org, plan, answer{}, true
}

func (c *Cloud) checkSync(ex *exchange) (*Organization, *APIError) {
	if ex.bind != nil {
		return nil, ex.bind
	}
	org := c.world.organizations[ex.sync.organizationID]
	if org == nil {
		return nil, badRequest("Invalid organization")
	}
	if fault := checkKey(org, ex.sync.key); fault != nil {
		return nil, fault
	}
	if ex.sync.noBatch || slices.Contains(ex.sync.batch, nil) {
		return nil, unhandled()
	}
	return org, nil
}

// checkKey compares exactly; an organization without a key makes the original
// stumble over null.
func checkKey(org *Organization, key *string) *APIError {
	switch {
	case strings.TrimSpace(text(key)) == "":
		return badRequest("Invalid Billing Sync Key")
	case org.BillingSyncKey == "":
		return unhandled()
	case org.BillingSyncKey != *key:
		return badRequest("Invalid Billing Sync Key")
	}
	return nil
}

// storeSync writes what was decided when the rows were loaded, whatever has
// become of them since.
func (c *Cloud) storeSync(ex *exchange, org Organization, plan syncPlan) *APIError {
	c.mu.Lock()
	defer c.mu.Unlock()
	if fault := c.world.commit(org.ID, plan); fault != nil {
		return fault
	}
	c.world.syncEvents[org.ID]++
	c.ledger.at(ex.entry).Effect = true
	return nil
}
