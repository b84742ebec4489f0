package console

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// pageSize is how many sponsorships one page shows.
const pageSize = 50

// organizationPage is the content of one organization's page.
type organizationPage struct {
	organizationCard
	ReadOnly    bool
	Unnamed     bool   // another process follows the server's vault, and could name people
	Events      string // address of the event stream
	FormKey     string // makes a double click one job
	AskOfficial bool   // the first sync needs a word about the server's own sync job
	Job         *job
	Chart       chart
	List        list
	Waiting     waitingJobs
	Dead        deadJobs
}

// waitingJobs are jobs that have not ended.
type waitingJobs struct {
	Jobs []enqueue.Status
	More bool
}

// job is what became of the button that was pressed.
type job struct {
	enqueue.Status
	Settled bool
	Known   bool // what went wrong is said among the organization's problems, too
}

// organization asks for the position of the events first: what happens while
// the page is being made is shown by the first event.
func (c *Console) organization(w http.ResponseWriter, r *http.Request) error {
	org, err := organizationOf(r)
	if err != nil {
		return err
	}
	page := organizationPage{FormKey: rand.Text(), Events: c.events(org), ReadOnly: c.readOnly(r)}
	if err := c.fill(r, org, &page); err != nil {
		return err
	}
	c.render(w, r, answer{http.StatusOK, "organization", page})
	return nil
}

func (c *Console) events(org sponsorship.ID) string {
	address := c.p.Base + "/v1/organizations/" + string(org) + "/events"
	if position, known := c.p.Position(); known {
		address += "?lastEventId=" + strconv.FormatUint(position, 10)
	}
	return address
}

func (c *Console) read(ctx context.Context, org sponsorship.ID) (view.Organization, error) {
	shown, seen, err := view.ReadOrganization(ctx, c.p.Ledger, org)
	if err == nil && !seen {
		err = view.NotFound(fault.ConnectionMissing, "organization %s was never seen here", org)
	}
	return shown, err
}

func (c *Console) fill(r *http.Request, org sponsorship.ID, page *organizationPage) error {
	shown, err := c.read(r.Context(), org)
	if err != nil {
		return err
	}
	names := c.names(r.Context(), shown)
	page.organizationCard, page.Name = card(shown), names.Organization
	page.Unnamed = c.p.Names == nil && shown.Bridge != nil
	page.AskOfficial = shown.FromVault && shown.OfficialJobOff == nil
	if page.List, err = c.list(r, shown, names.Members); err != nil {
		return err
	}
	page.Chart = c.chart(r.Context(), org)
	if page.Dead, err = c.dead(r.Context(), r, org, "/organizations/"+string(org), page.organizationCard); err != nil {
		return err
	}
	if page.Waiting, err = c.waiting(r.Context(), org); err != nil {
		return err
	}
	page.Job, err = c.job(r.Context(), r.URL.Query().Get("job"))
	if e := shown.LastError; page.Job != nil && e != nil && page.Job.LastError != nil {
		page.Job.Known = page.Job.LastError.Code == e.Code
	}
	return err
}

func (c *Console) waiting(ctx context.Context, org sponsorship.ID) (waitingJobs, error) {
	found, more, err := c.inspector.List(ctx, enqueue.Query{
		Organization: org, Limit: deadShown, States: []string{enqueue.StateActive, enqueue.StateRetrying, enqueue.StatePending},
	})
	return waitingJobs{found, more != ""}, err
}

// job returns nil for an id that is not known any more: the notice is no loss.
func (c *Console) job(ctx context.Context, id string) (*job, error) {
	if id == "" {
		return nil, nil
	}
	s, known, err := c.inspector.Job(ctx, id)
	if err != nil || !known {
		return nil, err
	}
	settled := s.State == enqueue.StateDone || s.State == enqueue.StateRefused || s.State == enqueue.StateDead
	return &job{Status: s, Settled: settled}, nil
}

// list is one page of an organization's sponsorships, with what leads to others.
type list struct {
	Rows    []row
	Filters []filter
	Search  string
	Status  string // the chosen filter, which a search keeps
	Found   int
	Clear   string // address without the search

	First, Previous, Next, Last string // addresses; "" where there is none
}

// filter is a link that shows the sponsorships of one status, or all.
type filter struct {
	ID, Word, Address string
	Status            sponsorship.Status
	Count             int64
	Chosen            bool
}

func (c *Console) list(r *http.Request, of view.Organization, members map[sponsorship.ID]vault.Person) (list, error) {
	query := r.URL.Query()
	wanted, err := view.PageOf(query, pageSize)
	if err != nil {
		return list{}, err
	}
	wanted.Match = func(user sponsorship.ID, text string) bool {
		p := members[user]
		return strings.Contains(strings.ToLower(p.Name), text) || strings.Contains(strings.ToLower(p.Email), text)
	}
	found, err := view.ReadPage(r.Context(), c.p.Ledger, of.OrganizationID, wanted)
	if err != nil {
		return list{}, err
	}
	l := list{Search: wanted.Search, Status: query.Get("status"), Found: found.Found, Filters: c.filters(of, wanted)}
	for _, s := range found.Rows {
		shown := present(s, of.LastSyncAt != nil)
		shown.Member = members[s.OrganizationUserID]
		shown.Address = c.p.Base + memberPath(of.OrganizationID, s.OrganizationUserID)
		l.Rows = append(l.Rows, shown)
	}
	at := func(cursor string) string { return c.address(of.OrganizationID, place{l.Status, l.Search, cursor}) }
	l.Clear = c.address(of.OrganizationID, place{status: l.Status})
	if found.Previous != "" {
		l.First, l.Previous = at(""), at(found.Previous)
	}
	if found.Next != "" {
		l.Next, l.Last = at(found.Next), at(view.LastPage)
	}
	return l, nil
}

func (c *Console) filters(o view.Organization, a view.Asked) []filter {
	all := []filter{{ID: "filter-all", Word: "All", Address: c.address(o.OrganizationID, place{search: a.Search}), Chosen: len(a.Statuses) == 0}}
	for _, s := range sponsorship.Statuses() {
		n := o.Counts[s]
		all[0].Count += n
		chosen := len(a.Statuses) == 1 && a.Statuses[0] == s
		all = append(all, filter{"filter-" + string(s), view.Word(s), c.address(o.OrganizationID, place{string(s), a.Search, ""}), s, n, chosen})
	}
	return all
}

// place is where in an organization's list somebody is.
type place struct{ status, search, cursor string }

// address is that of an organization's page, with what is not empty in its query.
func (c *Console) address(org sponsorship.ID, at place) string {
	query := url.Values{}
	for name, text := range map[string]string{"status": at.status, "search": at.search, "cursor": at.cursor} {
		if text != "" {
			query.Set(name, text)
		}
	}
	path := c.p.Base + "/organizations/" + string(org)
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

func memberPath(org, user sponsorship.ID) string {
	return "/organizations/" + string(org) + "/members/" + string(user)
}

func organizationOf(r *http.Request) (sponsorship.ID, error) {
	org, err := sponsorship.ParseID(r.PathValue("org"))
	if err != nil {
		return "", errors.Join(fault.New(fault.InvalidArguments, "the address holds no organization's id"), err)
	}
	return org, nil
}
