package merge

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// kind says what a step does to the outside.
type kind string

const (
	nothing  kind = ""
	adopt    kind = "adopt"
	offer    kind = "offer"
	change   kind = "change"
	withdraw kind = "withdraw"
)

// step is what follows for one row: the job, and what is remembered if the step
// is taken (done), or held back (seen).
type step struct {
	row         string
	kind        kind
	args        jobs.Args
	unconfirmed bool
	seen, done  Link
	replaces    string // the row, gone, whose key this one takes over once it is carried out
}

func (m *merger) add(row string, seen Link) *step {
	s := &step{row: row, seen: seen, done: seen}
	m.steps = append(m.steps, s)
	return s
}

// carry remembers the row as carried out under a key.
func (m *merger) carry(s *step, r vault.Row, key sponsorship.ID) {
	d := &s.done
	d.Key, d.Marked = key, r.Marked
	d.Withdrawn, d.Over, d.Undecided, d.Cleared = false, false, false, false
	d.Tries = 0
	d.Email, d.Exact, d.Name = m.digest("address", strings.ToLower(r.Email)), m.digest("exact", r.Email), m.digest("name", r.Name)
	m.claimed[key] = r.ID
}

// ask gives the step a job. Its id is made of the row, of how many jobs came
// before it, and of what it says: whoever plans it again plans the same one.
func (s *step) ask(k kind, args jobs.Args) {
	s.kind, s.args = k, args
	s.done.Wishes, s.done.Undo = s.seen.Wishes+1, nil // whatever became of the job before, this one counts
	text, err := json.Marshal(args)
	if err != nil { // arguments are strings and flags
		panic(err)
	}
	s.done.Job = string(sponsorship.AdminKey(sponsorship.ID(s.row), fmt.Sprintf("%d %s %s", s.done.Wishes, args.Kind(), text)))
}

func (m *merger) redeem(s *step, r vault.Row) {
	args := jobs.Redeem{
		OrganizationID: m.Vault.Organization, OrganizationUserID: r.User,
		SponsoredEmail: r.Email, FriendlyName: label(r.Name), AdminInitiated: r.Admin,
	}
	m.carry(s, r, args.SponsorshipID())
	s.ask(offer, args)
}

func (m *merger) adopt(s *step, r vault.Row, key sponsorship.ID) {
	m.carry(s, r, key)
	s.ask(adopt, jobs.Adopt{
		OrganizationID: m.Vault.Organization, OrganizationUserID: key,
		SponsoredEmail: r.Email, FriendlyName: label(r.Name), AdminInitiated: r.Admin, Revoke: r.Marked,
	})
}

// amend sends what differs; a label that was cleared becomes the address.
func (m *merger) amend(s *step, r vault.Row, key sponsorship.ID) {
	args := jobs.ChangeSponsorship{OrganizationID: m.Vault.Organization, OrganizationUserID: key}
	before := s.seen
	m.carry(s, r, key)
	if before.Exact != s.done.Exact {
		args.SponsoredEmail = r.Email
	}
	if before.Name != s.done.Name {
		if args.FriendlyName = label(r.Name); args.FriendlyName == "" {
			args.FriendlyName = r.Email
		}
	}
	s.ask(change, args)
}

func (m *merger) revoke(s *step, key sponsorship.ID) {
	s.ask(withdraw, jobs.ChangeSponsorship{OrganizationID: m.Vault.Organization, OrganizationUserID: key, Revoke: true})
}

// label drops a name that would not pass: the address then stands in for it.
func label(name string) string {
	if sponsorship.CheckName(name) != nil {
		return ""
	}
	return name
}

func (m *merger) wait(r vault.Row, message string) {
	m.plan.Waiting = append(m.plan.Waiting, Wait{
		Row: r.ID, User: r.User, Reason: sponsorship.Reason{Code: fault.RevocationPending, Message: message},
	})
}

// leaving: the cloud has not confirmed yet that the sponsorship is taken back.
func leaving(s sponsorship.Sponsorship) bool {
	return s.Status == sponsorship.Pending && s.Revoking()
}
