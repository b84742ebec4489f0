package cloudtest

import (
	"encoding/json"
	"fmt"
)

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

func bindSync(ex *exchange) (syncRequest, *APIError) {
	root, fault := bindBody(ex)
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
