package vaulttest

import (
	"context"
	"database/sql"
)

// Status is how far somebody is a member.
type Status int64

// The ones that count here.
const (
	Revoked   Status = -1
	Invited   Status = 0
	Confirmed Status = 2
)

// Role is what a member may do.
type Role int64

// The ones that count here.
const (
	Owner  Role = 0
	Admin  Role = 1
	Member Role = 2
)

// Person is somebody with an account on the server.
type Person struct {
	Account string // id of an account that is there already; empty: a new one
	Name    string
	Email   string
	Role    Role
}

// Join makes somebody a confirmed member and returns their id in the organization
// and their account's.
func (v *Vault) Join(ctx context.Context, organization string, p Person) (member, account string, err error) {
	account = p.Account
	if account == "" {
		account = v.ids.next()
		now := v.d.date(v.now())
		row := v.filled(users, Record{
			"Id": v.id(account), "Name": p.Name, "Email": p.Email, "AccountRevisionDate": now, "RevisionDate": now,
		})
		if err := v.insert(ctx, v.DB, users, row); err != nil {
			return "", "", err
		}
	}
	member, err = v.enter(ctx, organization, Record{"UserId": v.id(account), "Email": nil, "Status": int64(Confirmed), "Type": int64(p.Role)})
	return member, account, err
}

// Invite makes somebody a member who has not accepted.
func (v *Vault) Invite(ctx context.Context, organization, email string) (member string, err error) {
	return v.enter(ctx, organization, Record{"UserId": nil, "Email": email, "Status": int64(Invited), "Type": int64(Member)})
}

func (v *Vault) enter(ctx context.Context, organization string, row Record) (string, error) {
	id := v.ids.next()
	now := v.d.date(v.now())
	row["Id"], row["OrganizationId"] = v.id(id), v.id(organization)
	row["CreationDate"], row["RevisionDate"] = now, now
	return id, v.insert(ctx, v.DB, members, v.filled(members, row))
}

// RemoveMember takes somebody out of the organization: by an admin, by themselves,
// by a directory.
func (v *Vault) RemoveMember(ctx context.Context, member string) error {
	row, err := v.one(ctx, members, member)
	if err != nil {
		return err
	}
	return v.inTransaction(ctx, func(tx *sql.Tx) error {
		if err := v.manners.leave(ctx, tx, row["Id"].(string)); err != nil {
			return err
		}
		if err := v.touch(ctx, tx, row["UserId"]); err != nil {
			return err
		}
		_, err := v.delete(ctx, tx, members, Record{"Id": row["Id"]})
		return err
	})
}

// RemoveMembers takes several out at once.
func (v *Vault) RemoveMembers(ctx context.Context, ids ...string) error {
	return v.inTransaction(ctx, func(tx *sql.Tx) error {
		accounts, err := v.accounts(ctx, tx, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := v.manners.leave(ctx, tx, v.id(id)); err != nil {
				return err
			}
		}
		for _, id := range ids {
			if _, err := v.delete(ctx, tx, members, Record{"Id": v.id(id)}); err != nil {
				return err
			}
		}
		return v.touchAll(ctx, tx, accounts)
	})
}

func (v *Vault) accounts(ctx context.Context, r runner, ids []string) ([]any, error) {
	var found []any
	for _, id := range ids {
		rows, err := v.find(ctx, r, members, Record{"Id": v.id(id)})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			found = append(found, row["UserId"])
		}
	}
	return found, nil
}

func (v *Vault) touchAll(ctx context.Context, r runner, accounts []any) error {
	for _, account := range accounts {
		if err := v.touch(ctx, r, account); err != nil {
			return err
		}
	}
	return nil
}

// touch moves the date by which an open web vault knows that something is new.
func (v *Vault) touch(ctx context.Context, r runner, account any) error {
	if account == nil {
		return nil
	}
	_, err := v.update(ctx, r, change{
		table: users, set: Record{"AccountRevisionDate": v.d.date(v.now())}, where: Record{"Id": account},
	})
	return err
}

// DeleteAccount deletes somebody's account and memberships. What they offered
// stays as it is, without a member.
func (v *Vault) DeleteAccount(ctx context.Context, account string) error {
	return v.inTransaction(ctx, func(tx *sql.Tx) error {
		memberships, err := v.find(ctx, tx, members, Record{"UserId": v.id(account)})
		if err != nil {
			return err
		}
		for _, membership := range memberships {
			if _, err := v.delete(ctx, tx, members, Record{"Id": membership["Id"]}); err != nil {
				return err
			}
		}
		_, err = v.delete(ctx, tx, users, Record{"Id": v.id(account)})
		return err
	})
}

// RevokeAccess takes a member's access away; what they offered stays.
func (v *Vault) RevokeAccess(ctx context.Context, member string) error {
	row, err := v.one(ctx, members, member)
	if err != nil {
		return err
	}
	_, err = v.update(ctx, v.DB, change{
		table: members, set: Record{"StatusNew": row["Status"], "Status": int64(Revoked), "RevocationReason": int64(0)},
		where: Record{"Id": row["Id"]},
	})
	return err
}

// RestoreAccess gives it back.
func (v *Vault) RestoreAccess(ctx context.Context, member string) error {
	_, err := v.update(ctx, v.DB, change{
		table: members, set: Record{"StatusNew": nil, "Status": int64(Confirmed), "RevocationReason": nil},
		where: Record{"Id": v.id(member), "Status": int64(Revoked)},
	})
	return err
}
