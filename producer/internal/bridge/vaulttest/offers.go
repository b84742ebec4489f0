package vaulttest

import (
	"context"
	"errors"
	"maps"
	"strings"
)

// Offer is what a member or an admin sends.
type Offer struct {
	Member string  // the id of who offers, in the organization
	Email  string  // to whom
	Name   *string // as the web vault sends it this is the address
	Notes  *string
	Admin  bool // an admin offers to somebody who need not be a member
}

// ByWebVault is an offer as the web vault sends it.
func ByWebVault(member, email string) Offer { return Offer{Member: member, Email: email, Name: &email} }

// PendingOffer is an offer whose row was read and whose write is yet to come.
type PendingOffer struct {
	vault *Vault
	row   Record // nil: nothing is to be written
	fresh bool
}

// Offer makes a row, or makes the member's own row a new offer. Where the
// organization has that name already, nothing is written and there is no error.
func (v *Vault) Offer(ctx context.Context, o Offer) error {
	pending, err := v.BeginOffer(ctx, o)
	if err != nil {
		return err
	}
	return pending.Finish(ctx)
}

// BeginOffer is the first half of Offer: it reads.
func (v *Vault) BeginOffer(ctx context.Context, o Offer) (*PendingOffer, error) {
	member, err := v.one(ctx, members, o.Member)
	if err != nil {
		return nil, err
	}
	if err := v.mayOffer(ctx, member, o.Email); err != nil {
		return nil, err
	}
	organization := member["OrganizationId"]
	rows, err := v.find(ctx, v.DB, sponsorships, Record{"SponsoringOrganizationId": organization})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row["FriendlyName"] == orNull(o.Name) {
			return &PendingOffer{}, nil
		}
	}
	row := Record{
		"SponsoringOrganizationId": organization, "SponsoringOrganizationUserId": member["Id"], "SponsoredOrganizationId": nil,
		"FriendlyName": orNull(o.Name), "OfferedToEmail": o.Email, "PlanSponsorshipType": int64(0),
		"ToDelete": v.flag(false), "LastSyncDate": nil, "ValidUntil": nil,
		"IsAdminInitiated": v.flag(o.Admin), "Notes": orNull(o.Notes),
	}
	if !v.has(sponsorships, "IsAdminInitiated") { // an older server
		delete(row, "IsAdminInitiated")
		delete(row, "Notes")
	}
	pending := &PendingOffer{vault: v, row: row, fresh: true}
	if !o.Admin {
		former, err := v.own(ctx, o.Member)
		if err != nil {
			return nil, err
		}
		if former != nil {
			row["Id"], pending.fresh = former["Id"], false
		}
	}
	return pending, nil
}

func (v *Vault) mayOffer(ctx context.Context, member Record, email string) error {
	if member["Status"] != int64(Confirmed) {
		return ErrNotConfirmed
	}
	account, err := v.find(ctx, v.DB, users, Record{"Id": member["UserId"]})
	if err != nil {
		return err
	}
	if len(account) > 0 && strings.EqualFold(account[0]["Email"].(string), email) {
		return ErrOneself
	}
	return nil
}

// Finish writes. When that fails the official code deletes the row.
func (p *PendingOffer) Finish(ctx context.Context) error {
	if p.row == nil {
		return nil
	}
	v := p.vault
	row := maps.Clone(p.row)
	if p.fresh {
		row["Id"] = v.id(v.ids.next())
	}
	write := v.manners.replace
	if p.fresh {
		write = func(ctx context.Context, row Record) error { return v.insert(ctx, v.DB, sponsorships, row) }
	}
	if err := write(ctx, row); err != nil {
		return errors.Join(err, v.manners.remove(ctx, row))
	}
	return nil
}

// Fail is a Finish whose write fails, for a lock that somebody holds: the official
// code then deletes the row that the member had.
func (p *PendingOffer) Fail(ctx context.Context) error {
	if p.row == nil || p.fresh {
		return nil
	}
	return p.vault.manners.remove(ctx, p.row)
}

// own returns the row that a member made, or nil.
func (v *Vault) own(ctx context.Context, member string) (Record, error) {
	where := Record{"SponsoringOrganizationUserId": v.id(member), "IsAdminInitiated": v.flag(false)}
	if !v.has(sponsorships, "IsAdminInitiated") {
		delete(where, "IsAdminInitiated")
	}
	rows, err := v.find(ctx, v.DB, sponsorships, where)
	if err != nil {
		return nil, err
	}
	return v.manners.own(rows)
}
