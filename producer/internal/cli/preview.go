package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// mostUnasked is how many new offers a file may hold before somebody is asked: each is
// an e-mail to a person.
const mostUnasked = 100

// preview is what a file of redeems would do, by the ledger as it is now. What waits
// in the queue may change it.
type preview struct {
	rows, offers, changes, nothing int
	refused                        map[fault.Code]int
}

// add takes one row and what the ledger has of its member.
func (p *preview) add(args jobs.Redeem, s sponsorship.Sponsorship) {
	p.rows++
	_, changed, err := sponsorship.Decide(s,
		sponsorship.Redeem{Email: args.SponsoredEmail, Name: args.FriendlyName, AdminInitiated: args.AdminInitiated}, sponsorship.Stamp{})
	switch {
	case err != nil:
		if p.refused == nil {
			p.refused = map[fault.Code]int{}
		}
		p.refused[fault.CodeOf(err)]++
	case !s.Exists():
		p.offers++
	case changed:
		p.changes++
	default:
		p.nothing++
	}
}

func (p *preview) lines() string {
	lines := []string{
		fmt.Sprintf("rows:                       %d", p.rows),
		fmt.Sprintf("new offers, each is mailed: %d", p.offers),
		fmt.Sprintf("changed before they left:   %d", p.changes),
		fmt.Sprintf("there already:              %d", p.nothing),
	}
	var codes []string
	for code, n := range p.refused {
		codes = append(codes, fmt.Sprintf("would be refused:           %d, %s", n, code))
	}
	slices.Sort(codes)
	return strings.Join(append(lines, codes...), "\n")
}

// preview reads the ledger for all rows, a page at a time.
func (s *session) preview(ctx context.Context, rows []row) (*preview, error) {
	p := &preview{}
	err := s.eachRow(ctx, rows, func(r row, now sponsorship.Sponsorship) {
		if redeem, is := r.args.(jobs.Redeem); is {
			p.add(redeem, now)
		}
	})
	return p, err
}

// eachRow looks up the sponsorship of each row, by organization.
func (s *session) eachRow(ctx context.Context, rows []row, do func(row, sponsorship.Sponsorship)) error {
	byOrganization := map[sponsorship.ID][]row{}
	for _, r := range rows {
		byOrganization[r.args.Organization()] = append(byOrganization[r.args.Organization()], r)
	}
	for _, org := range organizationsOf(rows) {
		for page := range slices.Chunk(byOrganization[org], pollPage) {
			ids := make([]sponsorship.ID, len(page))
			for i, r := range page {
				ids[i] = r.args.SponsorshipID()
			}
			found, err := s.ledger.Get(ctx, org, ids...)
			if err != nil {
				return err
			}
			for i, r := range page {
				do(r, found[i])
			}
		}
	}
	return nil
}

// fileFlags are what every command that reads a file takes.
type fileFlags struct {
	file          string
	ignoreColumns bool
	dryRun, yes   bool
}

func (f *fileFlags) add(command *cobra.Command, what string) {
	command.Flags().StringVar(&f.file, "file", "", what+" every row of `FILE`, CSV or NDJSON; - is standard input")
	command.Flags().BoolVar(&f.ignoreColumns, "ignore-columns", false, "leave out the columns of the file that mean nothing here")
	command.Flags().BoolVar(&f.dryRun, "dry-run", false, "only say what the file would do")
}
