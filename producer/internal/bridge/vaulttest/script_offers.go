package vaulttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

func (s *Script) offers(ctx context.Context) (bool, error) {
	s.made++
	return true, s.offer(ctx, ByWebVault(s.anybody(anyone).member, fmt.Sprintf("family%d@example.test", s.made)))
}

// offer accepts what SQL Server does to a member with two rows.
func (s *Script) offer(ctx context.Context, o Offer) error {
	if err := s.vault.Offer(ctx, o); !errors.Is(err, ErrTwoRows) {
		return err
	}
	return nil
}

// offersAgain offers to an address that the organization has, by web vault: nothing
// comes of it, whoever does it.
func (s *Script) offersAgain(ctx context.Context) (bool, error) {
	row, err := s.anyRow(ctx)
	if row == nil || err != nil {
		return false, err
	}
	return true, s.offer(ctx, ByWebVault(s.anybody(anyone).member, text(row["FriendlyName"])))
}

func (s *Script) offersInVain(ctx context.Context) (bool, error) {
	s.made++
	pending, err := s.vault.BeginOffer(ctx, ByWebVault(s.anybody(anyone).member, fmt.Sprintf("vain%d@example.test", s.made)))
	if errors.Is(err, ErrTwoRows) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return true, pending.Fail(ctx)
}

func (s *Script) adminOffers(ctx context.Context) (bool, error) {
	admin := s.anybody(admins)
	if admin == nil || !s.vault.has(sponsorships, "IsAdminInitiated") {
		return false, nil
	}
	s.made++
	name := fmt.Sprintf("Guest %d", s.made)
	return true, s.vault.Offer(ctx, Offer{Member: admin.member, Email: fmt.Sprintf("guest%d@example.test", s.made), Name: &name, Admin: true})
}

func (s *Script) revokes(ctx context.Context) (bool, error) {
	return s.refused(s.vault.Revoke(ctx, s.anybody(anyone).member))
}

// refused turns what the vault tells its user into nothing done.
func (s *Script) refused(err error) (bool, error) {
	if errors.Is(err, ErrNotSponsoring) || errors.Is(err, ErrTwoRows) {
		return false, nil
	}
	return true, err
}

func (s *Script) adminRevokes(ctx context.Context) (bool, error) {
	row, err := s.anyRow(ctx)
	if row == nil || err != nil {
		return false, err
	}
	return s.refused(s.vault.RevokeByName(ctx, s.organization, strings.ToUpper(text(row["FriendlyName"]))))
}

func (s *Script) startsRevoke(ctx context.Context) (bool, error) {
	pending, err := s.vault.BeginRevoke(ctx, s.anybody(anyone).member)
	if err == nil {
		s.pending = append(s.pending, pending)
	}
	return s.refused(err)
}

func (s *Script) endsRevoke(ctx context.Context) (bool, error) {
	if len(s.pending) == 0 {
		return false, nil
	}
	pending := s.pending[0]
	s.pending = s.pending[1:]
	if err := pending.Finish(ctx); !errors.Is(err, ErrRowGone) {
		return true, err
	}
	return true, nil
}

// dates writes what a cloud said of a row, as the job on SQL Server or a bridge would.
func (s *Script) dates(ctx context.Context) (bool, error) {
	row, err := s.anyRow(ctx)
	if row == nil || err != nil {
		return false, err
	}
	now := s.vault.now()
	set := Record{"LastSyncDate": s.vault.d.date(now)}
	if s.random.IntN(2) == 0 {
		set["ValidUntil"] = s.vault.d.date(now.Add(time.Duration(s.random.IntN(500)-120) * 24 * time.Hour))
	}
	_, err = s.vault.update(ctx, s.vault.DB, change{table: sponsorships, set: set, where: Record{"Id": row["Id"]}})
	return true, err
}

func (s *Script) purges(ctx context.Context) (bool, error) { return true, s.vault.Purge(ctx) }

// rows reads those of the organization, in one order on every engine.
func (s *Script) rows(ctx context.Context) ([]Record, error) {
	rows, err := s.vault.find(ctx, s.vault.DB, sponsorships, Record{"SponsoringOrganizationId": s.vault.id(s.organization)})
	slices.SortFunc(rows, func(a, b Record) int { return cmp.Compare(lower(a["Id"]), lower(b["Id"])) })
	return rows, err
}

func (s *Script) anyRow(ctx context.Context) (Record, error) {
	rows, err := s.rows(ctx)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[s.random.IntN(len(rows))], nil
}
