package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// rowFilter chooses sponsorships; its zero value chooses all.
type rowFilter struct {
	user     sponsorship.ID
	email    string
	statuses []string
	limit    int // 0 is none
}

// statusOf is an organization, and which of its sponsorships are to be shown.
type statusOf struct {
	view.Organization
	rows rowFilter
}

func (f rowFilter) faults(command *cobra.Command, org sponsorship.ID) []string {
	var faults []string
	for _, s := range f.statuses {
		if !sponsorship.Status(s).Valid() {
			faults = append(faults, "--status must be one of "+statusNames())
		}
	}
	if f.limit < 0 {
		faults = append(faults, "--limit must be 1 or more")
	}
	if f.user != "" {
		faults = append(faults, idFaults("--user", f.user)...)
	}
	for _, name := range []string{"user", "email", "status", "limit"} {
		if command.Flags().Changed(name) && org == "" {
			faults = append(faults, "--"+name+" goes with --org")
		}
	}
	return faults
}

// page is the filter as far as the ledger has an index.
func (f rowFilter) page() state.Page {
	return state.Page{Limit: statusPage, Statuses: view.Statuses(f.statuses)}
}

func (f rowFilter) wants(s sponsorship.Sponsorship) bool {
	return (f.user == "" || s.UserID == f.user) &&
		(f.email == "" || sponsorship.SameAddress(s.Email, strings.TrimSpace(f.email)))
}

// eachSponsorship reads all pages, as far as the filter wants them.
func (a *app) eachSponsorship(ctx context.Context, s *session, org statusOf, show func(view.Sponsorship) error) error {
	page, count := org.rows.page(), 0
	for {
		rows, next, err := s.rows(ctx, org, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !org.rows.wants(row) {
				continue
			}
			if err := show(view.ShowSponsorship(row, org.LastSyncAt)); err != nil {
				return err
			}
			if count++; count == org.rows.limit {
				return nil
			}
		}
		if next == "" {
			return nil
		}
		if err := a.flush(); err != nil {
			return err
		}
		page.Cursor = next
	}
}

// rows is a page, or the one sponsorship that is wanted.
func (s *session) rows(ctx context.Context, org statusOf, page state.Page) ([]sponsorship.Sponsorship, string, error) {
	if org.rows.user == "" {
		return s.ledger.List(ctx, org.OrganizationID, page)
	}
	rows, err := s.ledger.Get(ctx, org.OrganizationID, org.rows.user)
	return slices.DeleteFunc(rows, func(r sponsorship.Sponsorship) bool {
		return r.Status == "" || len(page.Statuses) > 0 && !slices.Contains(page.Statuses, r.Status)
	}), "", err
}
