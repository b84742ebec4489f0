package vaulttest

import (
	"context"
	"maps"
	"strings"
	"time"
)

// Sent is what the official job tells the cloud of a row.
type Sent struct {
	Member     string // lower case
	Email      string
	Name       string
	LastSync   any // as stored
	ValidUntil any
	ToDelete   bool
}

// Answer is what the cloud says of a row.
type Answer struct {
	Removed    bool
	LastSync   *time.Time
	ValidUntil *time.Time
	ToDelete   bool
}

// Cloud answers by the member's id; it may leave rows out. An error stands for any
// answer that is none.
type Cloud func([]Sent) (map[string]Answer, error)

// PendingJob is a run of the official job that has read its copies.
type PendingJob struct {
	vault  *Vault
	copies []Record
}

// RunOfficialJob is one run for one organization.
func (v *Vault) RunOfficialJob(ctx context.Context, organization string, cloud Cloud) error {
	pending, err := v.BeginOfficialJob(ctx, organization)
	if err != nil {
		return err
	}
	return pending.Finish(ctx, cloud)
}

// BeginOfficialJob is its first half: it reads.
func (v *Vault) BeginOfficialJob(ctx context.Context, organization string) (*PendingJob, error) {
	rows, err := v.find(ctx, v.DB, sponsorships, Record{"SponsoringOrganizationId": v.id(organization)})
	if err != nil {
		return nil, err
	}
	seen := map[any]bool{}
	for _, row := range rows {
		if seen[row["SponsoringOrganizationUserId"]] {
			return nil, ErrJobTwoRows
		}
		seen[row["SponsoringOrganizationUserId"]] = true
	}
	return &PendingJob{vault: v, copies: rows}, nil
}

// Finish asks the cloud, deletes what it calls removed, then stores what it says of
// the others: all from copies that are as old as the question.
func (p *PendingJob) Finish(ctx context.Context, cloud Cloud) error {
	if len(p.copies) == 0 {
		return nil
	}
	answers, err := cloud(p.sent())
	if err != nil {
		return ErrCloud
	}
	v := p.vault
	var kept []Record
	for _, row := range p.copies {
		answer, ok := answers[lower(row["SponsoringOrganizationUserId"])]
		switch {
		case !ok:
		case answer.Removed:
			if err := v.manners.remove(ctx, row); err != nil {
				return err
			}
		default:
			kept = append(kept, v.learned(row, answer))
		}
	}
	return v.manners.keep(ctx, kept)
}

func (p *PendingJob) sent() []Sent {
	var sent []Sent
	for _, row := range p.copies {
		sent = append(sent, Sent{
			Member: lower(row["SponsoringOrganizationUserId"]), Email: text(row["OfferedToEmail"]), Name: text(row["FriendlyName"]),
			LastSync: row["LastSyncDate"], ValidUntil: row["ValidUntil"], ToDelete: row["ToDelete"] == p.vault.flag(true),
		})
	}
	return sent
}

func (v *Vault) learned(row Record, answer Answer) Record {
	row = maps.Clone(row)
	row["LastSyncDate"], row["ValidUntil"] = v.dateOrNull(answer.LastSync), v.dateOrNull(answer.ValidUntil)
	row["ToDelete"] = v.flag(answer.ToDelete)
	return row
}

func (v *Vault) dateOrNull(t *time.Time) any {
	if t == nil {
		return nil
	}
	return v.d.date(*t)
}

// Purge deletes what ran out more than 90 days ago, in every organization.
func (v *Vault) Purge(ctx context.Context) error {
	rows, err := v.find(ctx, v.DB, sponsorships, nil)
	if err != nil {
		return err
	}
	limit := v.d.date(v.now().AddDate(0, 0, -90))
	for _, row := range rows {
		if until, ok := row["ValidUntil"].(string); ok && until < limit { // as texts, which is what SQLite does
			if err := v.manners.remove(ctx, row); err != nil {
				return err
			}
		}
	}
	return nil
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

func lower(value any) string { return strings.ToLower(text(value)) }
