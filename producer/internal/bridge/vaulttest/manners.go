package vaulttest

import (
	"context"
	"errors"
	"maps"
)

// What the official code refuses, or fails with.
var (
	ErrNotSponsoring = errors.New("you are not currently sponsoring an organization")
	ErrOneself       = errors.New("cannot offer a sponsorship to yourself")
	ErrNotConfirmed  = errors.New("only confirmed members can offer a sponsorship")
	ErrRowGone       = errors.New("the row was expected to be there: it may have been modified or deleted")
	ErrTwoRows       = errors.New("the sequence contains more than one element")
	ErrJobTwoRows    = errors.New("an item with the same key has already been added")
	ErrJobCannot     = errors.New("the entity type 'OrganizationSponsorship' was not found")
	ErrCloud         = errors.New("organization sync failed")
)

// manners is what the two database layers of the official code do differently with
// a copy of a row that was read earlier.
type manners interface {
	// own picks the row to act on among a member's own.
	own(rows []Record) (Record, error)
	replace(ctx context.Context, copy Record) error
	remove(ctx context.Context, copy Record) error
	// leave is what becomes of the rows of members who are removed.
	leave(ctx context.Context, r runner, member string) error
	// keep stores what the official job learned of rows that stay.
	keep(ctx context.Context, copies []Record) error
}

// entityFramework is the layer of PostgreSQL, MySQL, MariaDB and SQLite.
type entityFramework struct{ *Vault }

func (v entityFramework) own(rows []Record) (Record, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	return rows[0], nil
}

// replace writes the columns of the copy that differ from the row by now. A row
// that is gone stays gone, without an error.
func (v entityFramework) replace(ctx context.Context, copy Record) error {
	now, err := v.find(ctx, v.DB, sponsorships, Record{"Id": copy["Id"]})
	if err != nil || len(now) == 0 {
		return err
	}
	differs := Record{}
	for name, value := range copy {
		if now[0][name] != value {
			differs[name] = value
		}
	}
	if len(differs) == 0 {
		return nil
	}
	met, err := v.update(ctx, v.DB, change{table: sponsorships, set: differs, where: Record{"Id": copy["Id"]}})
	if err == nil && met == 0 {
		return ErrRowGone
	}
	return err
}

func (v entityFramework) remove(ctx context.Context, copy Record) error {
	met, err := v.delete(ctx, v.DB, sponsorships, Record{"Id": copy["Id"]})
	if err == nil && met == 0 {
		return ErrRowGone
	}
	return err
}

func (v entityFramework) leave(ctx context.Context, r runner, member string) error {
	_, err := v.delete(ctx, r, sponsorships, Record{"SponsoringOrganizationUserId": member})
	return err
}

// keep fails before it writes anything: this layer lacks what it calls.
func (v entityFramework) keep(_ context.Context, copies []Record) error {
	if len(copies) == 0 {
		return nil
	}
	return ErrJobCannot
}

// sqlServer is the layer of SQL Server, as it was read; here it runs on another engine.
type sqlServer struct{ *Vault }

func (v sqlServer) own(rows []Record) (Record, error) {
	if len(rows) > 1 {
		return nil, ErrTwoRows
	}
	return entityFramework(v).own(rows)
}

// replace writes all columns of the copy, whatever the row is by now.
func (v sqlServer) replace(ctx context.Context, copy Record) error {
	all := maps.Clone(copy)
	delete(all, "Id")
	_, err := v.update(ctx, v.DB, change{table: sponsorships, set: all, where: Record{"Id": copy["Id"]}})
	return err
}

func (v sqlServer) remove(ctx context.Context, copy Record) error {
	_, err := v.delete(ctx, v.DB, sponsorships, Record{"Id": copy["Id"]})
	return err
}

// leave marks every row of the member, dated or not. One that was never synced
// stays so until somebody deletes it by hand.
func (v sqlServer) leave(ctx context.Context, r runner, member string) error {
	_, err := v.update(ctx, r, change{
		table: sponsorships, set: Record{"ToDelete": v.flag(true)},
		where: Record{"SponsoringOrganizationUserId": member},
	})
	return err
}

func (v sqlServer) keep(ctx context.Context, copies []Record) error {
	for _, copy := range copies {
		if err := v.replace(ctx, copy); err != nil {
			return err
		}
	}
	return nil
}
