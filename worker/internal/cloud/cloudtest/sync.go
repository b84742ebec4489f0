package cloudtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
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

type syncRequest struct {
	key            *string
	organizationID string
	batch          []*SyncRow // an element is nil where the caller sent null
	noBatch        bool       // absent or null, which is not the same as empty
}

func (s syncRequest) sent() []SyncRow {
	rows := make([]SyncRow, 0, len(s.batch))
	for _, row := range s.batch {
		if row != nil {
			rows = append(rows, *row)
		}
	}
	return rows
}

func bindSync(body []byte) (syncRequest, *APIError) {
	root, fault := bindBody(body)
	if fault != nil {
		return syncRequest{}, fault
	}
	r := &reader{members: root, path: "$"}
	bound := syncRequest{key: r.text("billingSyncKey"), organizationID: r.guid("sponsoringOrganizationCloudId")}
	raw := root["sponsorshipsbatch"]
	bound.noBatch = isNull(raw)
	if !bound.noBatch && r.fault == nil {
		bound.batch, r.fault = bindRows(raw)
	}
	return bound, r.fault
}

func bindRows(raw json.RawMessage) ([]*SyncRow, *APIError) {
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil {
		return nil, unreadable("$.sponsorshipsBatch", "array")
	}
	batch := make([]*SyncRow, len(elements))
	for i, element := range elements {
		if isNull(element) {
			continue
		}
		row, fault := bindRow(element, fmt.Sprintf("$.sponsorshipsBatch[%d]", i))
		if fault != nil {
			return nil, fault
		}
		batch[i] = row
	}
	return batch, nil
}

func bindRow(raw json.RawMessage, path string) (*SyncRow, *APIError) {
	object, fault := bindObject(raw, path)
	if fault != nil {
		return nil, fault
	}
	r := &reader{members: object, path: path}
	row := &SyncRow{
		OrganizationUserID:  r.guid("sponsoringOrganizationUserId"),
		FriendlyName:        r.text("friendlyName"),
		OfferedToEmail:      r.text("offeredToEmail"),
		PlanSponsorshipType: r.octet("planSponsorshipType"),
		LastSyncDate:        r.date("lastSyncDate"),
		ValidUntil:          r.date("validUntil"),
		ToDelete:            r.flag("toDelete"),
	}
	return row, r.fault
}

// syncRowAnswer is one row of the 200 answer: mostly an echo (fact sheet 2.3).
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

// serveSync makes the checks in the order of fact sheet 2.4.
func (c *Cloud) serveSync(ex *exchange) answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, refused, ok := c.authorize(ex.request, scopeInstallation); !ok {
		return refused
	}
	if !isJSON(ex.request) {
		return emptyAnswer(http.StatusUnsupportedMediaType)
	}
	if ex.bind != nil {
		return errorAnswer(ex.bind)
	}
	org := c.world.organizations[ex.sync.organizationID]
	if org == nil {
		return errorAnswer(badRequest("Invalid organization"))
	}
	if fault := checkKey(org, ex.sync.key); fault != nil {
		return errorAnswer(fault)
	}
	for _, row := range ex.sync.batch {
		if row == nil {
			return errorAnswer(unhandled())
		}
	}
	if ex.sync.noBatch {
		return errorAnswer(unhandled())
	}
	return c.runSync(*org, ex.sync.batch)
}

// checkKey compares exactly; an organisation without a key makes the original
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

func (c *Cloud) runSync(org Organization, batch []*SyncRow) answer {
	plan := syncPlan{answers: []syncRowAnswer{}}
	if len(batch) > 0 {
		var fault *APIError
		in := syncInput{org: org, stored: c.world.rows[org.ID], batch: batch, now: c.now()}
		if plan, fault = planSync(in); fault != nil {
			return errorAnswer(fault)
		}
		if fault = c.world.commit(org.ID, plan); fault != nil {
			return errorAnswer(fault)
		}
	}
	c.world.syncEvents[org.ID]++
	a := c.mailAndAnswer(plan)
	a.effect = true
	return a
}

// mailAndAnswer builds all mails before it sends any, so that one blank address
// silences the whole request while its rows stay (fact sheet 2.8).
func (c *Cloud) mailAndAnswer(plan syncPlan) answer {
	for _, row := range plan.inserts {
		if strings.TrimSpace(row.OfferedToEmail) == "" {
			return errorAnswer(unhandled())
		}
	}
	for _, row := range plan.inserts {
		c.sendOffer(row)
	}
	if plan.answers == nil {
		plan.answers = []syncRowAnswer{}
	}
	return jsonAnswer(http.StatusOK, map[string]any{"sponsorshipsBatch": plan.answers})
}

func (c *Cloud) sendOffer(row *Row) {
	token := offerPrefix + c.world.key(64)
	c.world.offers[token] = offer{
		organizationID: row.OrganizationID, rowID: row.ID, email: row.OfferedToEmail,
	}
	link := c.url + "/#/accept-families-for-enterprise?token=" + token + "&email=" + url.QueryEscape(row.OfferedToEmail)
	if !c.world.hasAccount(row.OfferedToEmail) {
		link += "&register=true"
	}
	c.world.mails = append(c.world.mails, Mail{
		Index: len(c.world.mails), At: c.now(), To: row.OfferedToEmail,
		Subject: "Accept your Sponsored Families Plan", Link: link, Token: token,
		OrganizationID: row.OrganizationID, OrganizationUserID: row.OrganizationUserID,
	})
}
