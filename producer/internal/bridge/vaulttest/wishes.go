package vaulttest

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// Offered is one person whom somebody wishes to sponsor, from one moment on.
type Offered struct {
	Row    string // lower case
	Member string // of an admin, where Admin
	Email  string
	Name   string
	Admin  bool
	Dated  bool // the cloud is said to know it
}

// sightings are what people could see of the offers at the end of each step.
type sightings struct {
	since map[string]Offered // by row: those that stand
	all   []Offered
}

// Look notes what others than the script's people have done to the rows.
func (s *Script) Look(ctx context.Context) error { return s.look(ctx) }

// look notes what has become of the rows. An offer stands while its row is there, is
// not marked, and has that address; a row that comes back, or gets another address,
// is another offer.
func (s *Script) look(ctx context.Context) error {
	rows, err := s.rows(ctx)
	if err != nil {
		return err
	}
	now := map[string]Offered{}
	for _, row := range rows {
		if row["ToDelete"] == s.vault.flag(true) {
			continue
		}
		offered := Offered{
			Row: lower(row["Id"]), Member: lower(row["SponsoringOrganizationUserId"]),
			Email: text(row["OfferedToEmail"]), Name: text(row["FriendlyName"]),
			Admin: row["IsAdminInitiated"] == s.vault.flag(true), Dated: row["LastSyncDate"] != nil,
		}
		now[offered.Row] = offered
		if before, stood := s.history.since[offered.Row]; !stood || before.Email != offered.Email {
			s.history.all = append(s.history.all, offered)
		}
	}
	s.history.since = now
	return nil
}

// Wishes lists what the vault wishes by now: whom the cloud should know at rest.
func (s *Script) Wishes() []Offered {
	return slices.SortedFunc(maps.Values(s.history.since), func(a, b Offered) int { return cmp.Compare(a.Row, b.Row) })
}

// Mails returns how many mails an address must have got at rest, and how many it may
// have got: one for each offer that could be seen, and one at least while an offer stands.
// Rows that were dated before anybody looked need none.
func (s *Script) Mails(email string) (least, most int) {
	for _, offered := range s.history.all {
		if offered.Email == email {
			most++
		}
	}
	for _, offered := range s.history.since {
		if offered.Email == email && !offered.Dated {
			least = 1
		}
	}
	return least, most
}

// Addresses lists everybody to whom there ever was an offer.
func (s *Script) Addresses() []string {
	seen := map[string]bool{}
	for _, offered := range s.history.all {
		seen[offered.Email] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
