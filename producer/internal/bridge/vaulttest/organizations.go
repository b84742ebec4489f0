package vaulttest

import (
	"context"
	"database/sql"
	"time"
)

// Organization is a new one, as a license file makes it.
type Organization struct {
	Name       string
	LicenseKey string
}

// Found makes an organization of the Enterprise plan and returns its local id.
func (v *Vault) Found(ctx context.Context, o Organization) (organization string, err error) {
	id, now := v.ids.next(), v.now()
	row := v.filled(organizations, Record{
		"Id": v.id(id), "Name": o.Name, "LicenseKey": o.LicenseKey, "Enabled": v.flag(true), "Plan": "Enterprise (Annually)",
		"PlanType": int64(20), "Status": int64(1), "Seats": int64(100), "UseAdminSponsoredFamilies": v.flag(true),
		"ExpirationDate": v.d.date(now.AddDate(1, 0, 0)), "CreationDate": v.d.date(now), "RevisionDate": v.d.date(now),
		"SelfHost": v.flag(true),
	})
	return id, v.insert(ctx, v.DB, organizations, row)
}

// UpdateLicense rewrites what a new license file says.
func (v *Vault) UpdateLicense(ctx context.Context, organization string, seats int, expires time.Time) error {
	return v.changeOrganization(ctx, organization, Record{"Seats": int64(seats), "ExpirationDate": v.d.date(expires)})
}

// DisableOrganization is what the server does when the license does not fit.
func (v *Vault) DisableOrganization(ctx context.Context, organization string) error {
	return v.changeOrganization(ctx, organization, Record{"Enabled": v.flag(false), "ExpirationDate": v.d.date(v.now())})
}

func (v *Vault) changeOrganization(ctx context.Context, organization string, set Record) error {
	set["RevisionDate"] = v.d.date(v.now())
	_, err := v.update(ctx, v.DB, change{table: organizations, set: set, where: Record{"Id": v.id(organization)}})
	return err
}

// PendingDeletion is an organization's deletion of which the first transaction is
// committed: its members and connections are gone, its offers are not.
type PendingDeletion struct {
	vault        *Vault
	organization string
	accounts     []any
}

// DeleteOrganization deletes an organization. Its rows stay, with their dates,
// without an organization.
func (v *Vault) DeleteOrganization(ctx context.Context, organization string) error {
	pending, err := v.BeginDeleteOrganization(ctx, organization)
	if err != nil {
		return err
	}
	return pending.Finish(ctx)
}

// BeginDeleteOrganization runs and commits the first transaction.
func (v *Vault) BeginDeleteOrganization(ctx context.Context, organization string) (*PendingDeletion, error) {
	pending := &PendingDeletion{vault: v, organization: v.id(organization)}
	ours := Record{"OrganizationId": pending.organization}
	err := v.inTransaction(ctx, func(tx *sql.Tx) error {
		rows, err := v.find(ctx, tx, members, ours)
		if err != nil {
			return err
		}
		for _, row := range rows {
			pending.accounts = append(pending.accounts, row["UserId"])
		}
		if _, err := v.delete(ctx, tx, members, ours); err != nil {
			return err
		}
		_, err = v.delete(ctx, tx, connections, ours)
		return err
	})
	return pending, err
}

// Finish runs the second transaction.
func (p *PendingDeletion) Finish(ctx context.Context) error {
	v := p.vault
	return v.inTransaction(ctx, func(tx *sql.Tx) error {
		rows, err := v.find(ctx, tx, sponsorships, Record{"SponsoringOrganizationId": p.organization})
		if err != nil {
			return err
		}
		for _, row := range rows {
			detach := change{table: sponsorships, set: Record{"SponsoringOrganizationId": nil}, where: Record{"Id": row["Id"]}}
			if _, err := v.update(ctx, tx, detach); err != nil {
				return err
			}
		}
		if err := v.touchAll(ctx, tx, p.accounts); err != nil {
			return err
		}
		_, err = v.delete(ctx, tx, organizations, Record{"Id": p.organization})
		return err
	})
}
