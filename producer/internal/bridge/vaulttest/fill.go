package vaulttest

import (
	"context"
	"database/sql"
	"fmt"
)

// Fill makes that many people members of an organization, each with an offer, in one
// transaction: what years have brought, for whoever measures. Their addresses are
// N@ORGANIZATION.example.
func (v *Vault) Fill(ctx context.Context, organization string, people int) error {
	return v.inTransaction(ctx, func(tx *sql.Tx) error {
		now := v.d.date(v.now())
		for n := range people {
			account, member := v.id(v.ids.next()), v.id(v.ids.next())
			address := fmt.Sprintf("%d@%s.example", n, organization)
			for _, row := range []struct {
				table string
				Record
			}{
				{users, Record{"Id": account, "Name": "Member", "Email": "member-" + address, "AccountRevisionDate": now, "RevisionDate": now}},
				{members, Record{
					"Id": member, "OrganizationId": v.id(organization), "UserId": account,
					"Status": int64(Confirmed), "Type": int64(Member), "CreationDate": now, "RevisionDate": now,
				}},
				{sponsorships, Record{
					"Id": v.id(v.ids.next()), "SponsoringOrganizationId": v.id(organization), "SponsoringOrganizationUserId": member,
					"FriendlyName": address, "OfferedToEmail": address, "PlanSponsorshipType": int64(0),
					"ToDelete": v.flag(false), "IsAdminInitiated": v.flag(false),
				}},
			} {
				if err := v.insert(ctx, tx, row.table, v.filled(row.table, row.Record)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
