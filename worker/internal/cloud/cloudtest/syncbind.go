package cloudtest

import "fmt"

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
	b, r, fault := bindBody(ex, typeEnvelope)
	if fault != nil {
		return syncRequest{}, fault
	}
	bound := syncRequest{key: r.text("billingSyncKey"), organizationID: r.guid("sponsoringOrganizationCloudId")}
	batch, path, _ := r.member("sponsorshipsBatch")
	bound.noBatch = batch.isNull()
	if !bound.noBatch && batch.elements == nil {
		b.unfit(batch, path, typeRows)
	}
	for i, element := range batch.elements {
		bound.batch = append(bound.batch, b.row(element, fmt.Sprintf("%s[%d]", path, i)))
	}
	return bound, b.fault
}

func (b *binding) row(v value, path string) *SyncRow {
	if v.isNull() {
		return nil
	}
	r := b.object(v, path, typeRow)
	return &SyncRow{
		OrganizationUserID:  r.guid("sponsoringOrganizationUserId"),
		FriendlyName:        r.text("friendlyName"),
		OfferedToEmail:      r.text("offeredToEmail"),
		PlanSponsorshipType: r.octet("planSponsorshipType"),
		LastSyncDate:        r.date("lastSyncDate"),
		ValidUntil:          r.date("validUntil"),
		ToDelete:            r.flag("toDelete"),
	}
}
