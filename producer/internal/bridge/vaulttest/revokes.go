package vaulttest

import (
	"context"
	"maps"
	"strings"
)

// PendingRevoke is a revoke that has read its row and not yet acted. It acts on
// that copy, whatever the row has become.
type PendingRevoke struct {
	vault *Vault
	copy  Record
}

// Revoke withdraws a member's own offer.
func (v *Vault) Revoke(ctx context.Context, member string) error {
	pending, err := v.BeginRevoke(ctx, member)
	if err != nil {
		return err
	}
	return pending.Finish(ctx)
}

// BeginRevoke is the first half of Revoke: it reads.
func (v *Vault) BeginRevoke(ctx context.Context, member string) (*PendingRevoke, error) {
	row, err := v.own(ctx, member)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, ErrNotSponsoring
	}
	return &PendingRevoke{vault: v, copy: row}, nil
}

// RevokeByName is what an admin does: the first row of the organization with that
// name, in any case, a member's own included.
func (v *Vault) RevokeByName(ctx context.Context, organization, name string) error {
	rows, err := v.find(ctx, v.DB, sponsorships, Record{"SponsoringOrganizationId": v.id(organization)})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if has, ok := row["FriendlyName"].(string); ok && strings.EqualFold(has, name) {
			return (&PendingRevoke{vault: v, copy: row}).Finish(ctx)
		}
	}
	return ErrNotSponsoring
}

// Finish deletes a row that was never synced, as the copy has it, and marks another.
func (p *PendingRevoke) Finish(ctx context.Context) error {
	if p.copy["LastSyncDate"] == nil {
		return p.vault.manners.remove(ctx, p.copy)
	}
	marked := maps.Clone(p.copy)
	marked["ToDelete"] = p.vault.flag(true)
	return p.vault.manners.replace(ctx, marked)
}
