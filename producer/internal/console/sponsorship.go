package console

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/history"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// sponsorshipPage is the content of one sponsorship's page.
type sponsorshipPage struct {
	row
	Organization view.Organization
	Name         string // of the organization
	ReadOnly     bool
	Events       string
	FormKey      string
	Job          *job
	Can          wishes
	History      []entry // the latest first
	Unread       bool    // the stream could not be read
}

// wishes are what may be asked for now.
type wishes struct{ Change, Readdress, Resend, Revoke bool }

// entry is one change, for people.
type entry struct {
	history.Entry
	Word, Why string
}

func (c *Console) sponsorship(w http.ResponseWriter, r *http.Request) error {
	org, user, err := memberOf(r)
	if err != nil {
		return err
	}
	page := sponsorshipPage{FormKey: rand.Text(), ReadOnly: c.readOnly(r), Events: c.events(org)}
	if page.Organization, err = c.read(r.Context(), org); err != nil {
		return err
	}
	shown, known, err := view.ReadSponsorship(r.Context(), c.p.Ledger, org, user)
	if err != nil {
		return err
	}
	if !known {
		return view.NotFound(fault.NotFound, "nothing is known of a sponsorship of member %s", user)
	}
	names := c.names(r.Context(), page.Organization)
	page.Name = names.Organization
	page.row = present(shown, page.Organization.LastSyncAt != nil)
	page.Member, page.Address, page.Can = names.Members[user], c.p.Base+memberPath(org, user), possible(shown)
	told, err := c.p.History.Of(r.Context(), org, user)
	page.Unread = err != nil
	for _, e := range slices.Backward(told) {
		page.History = append(page.History, entry{e, statusWord(e.To, e.Intent), why(e)})
	}
	if page.Job, err = c.job(r.Context(), r.URL.Query().Get("job")); err != nil {
		return err
	}
	c.render(w, r, answer{http.StatusOK, "sponsorship", page})
	return nil
}

// possible goes by what the ledger would take; the job has the last word.
func possible(s view.Sponsorship) wishes {
	leaving := s.Intent != nil && *s.Intent == sponsorship.IntentRevoke
	switch s.Status {
	case sponsorship.Pending, sponsorship.Refused:
		return wishes{Change: !leaving, Readdress: !leaving, Revoke: !leaving}
	case sponsorship.Sent:
		return wishes{Change: true, Readdress: true, Resend: true, Revoke: true}
	case sponsorship.Redeemed:
		return wishes{Change: true, Revoke: true}
	}
	return wishes{}
}

// why says whose wish a change was, or that the cloud answered so.
func why(e history.Entry) string {
	switch {
	case e.Reason != nil:
		return e.Reason.Message
	case e.To == sponsorship.Pending && e.Intent != nil:
		return map[sponsorship.Intent]string{
			sponsorship.IntentRedeem: "Somebody offered it.", sponsorship.IntentChange: "Somebody changed it.",
			sponsorship.IntentRevoke: "Somebody revoked it.", sponsorship.IntentAdopt: "It was taken over: another program had told the cloud.",
		}[*e.Intent]
	case e.JobID == nil:
		return "A sync found it so."
	}
	return ""
}

// change enqueues what somebody wants of one sponsorship.
func (c *Console) change(w http.ResponseWriter, r *http.Request) error {
	org, user, err := memberOf(r)
	if err != nil {
		return err
	}
	c.limit(w, r)
	args := jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: user}
	switch action := r.PostFormValue("action"); action {
	case "revoke":
		args.Revoke = true
	case "resend":
		args.Resend = true
	case "change":
		args.SponsoredEmail, args.FriendlyName = strings.TrimSpace(r.PostFormValue("email")), strings.TrimSpace(r.PostFormValue("name"))
	default:
		return view.Invalid("action", "must be revoke, resend or change")
	}
	return c.press(w, r, args, memberPath(org, user))
}

func memberOf(r *http.Request) (org, user sponsorship.ID, err error) {
	if org, err = organizationOf(r); err != nil {
		return "", "", err
	}
	if user, err = sponsorship.ParseID(r.PathValue("user")); err != nil {
		err = errors.Join(fault.New(fault.InvalidArguments, "the address holds no member's id"), err)
	}
	return org, user, err
}
