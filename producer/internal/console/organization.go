package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// pageSize is how many sponsorships one page shows.
const pageSize = 50

// organizationPage is the content of one organization's page.
type organizationPage struct {
	organizationCard
	Name    string // of the organization; "" where it may not be read
	Unnamed bool   // another process follows the server's vault, and could name people
	Events  string // address of the event stream
	FormKey string // makes a double click one job
	Job     *job
	Filters []filter
	Rows    []row
	First   string // address of the first page; "" if this is it
	More    string // address of the next page; "" if there is none
}

// filter is a link that shows the sponsorships of one status, or all.
type filter struct {
	ID, Word, Address string
	Count             int64
	Chosen            bool
}

// job is what became of the button that was pressed.
type job struct {
	enqueue.Status
	Settled bool
}

// organization asks for the position of the events first: what happens while
// the page is being made is shown by the first event.
func (c *Console) organization(w http.ResponseWriter, r *http.Request) error {
	page := organizationPage{FormKey: rand.Text()}
	position, known := c.p.Position()
	org, err := organizationOf(r)
	if err != nil {
		return err
	}
	if page.Events = "/v1/organizations/" + string(org) + "/events"; known {
		page.Events += "?lastEventId=" + strconv.FormatUint(position, 10)
	}
	if err := c.fill(r, org, &page); err != nil {
		return err
	}
	c.render(w, r, answer{http.StatusOK, "organization", page})
	return nil
}

func (c *Console) fill(r *http.Request, org sponsorship.ID, page *organizationPage) error {
	shown, seen, err := view.ReadOrganization(r.Context(), c.p.Ledger, org)
	if err != nil {
		return err
	}
	if !seen {
		return fault.New(fault.ConnectionMissing, "organization %s was never seen here", org)
	}
	page.organizationCard = card(shown)
	query := r.URL.Query()
	wanted, err := view.PageOf(query, pageSize)
	if err != nil {
		return err
	}
	found, err := view.ReadPage(r.Context(), c.p.Ledger, org, wanted)
	if err != nil {
		return err
	}
	names := c.names(r.Context(), shown)
	page.Name, page.Unnamed = names.Organization, c.p.Names == nil && shown.Bridge != nil
	for _, s := range found.Rows {
		row := present(s, shown.LastSyncAt != nil)
		row.Member = names.Members[s.OrganizationUserID]
		page.Rows = append(page.Rows, row)
	}
	page.Filters = filters(shown, wanted.Page)
	page.First, page.More = paging(query, org, found.Next)
	page.Job, err = c.job(r.Context(), query.Get("job"))
	return err
}

// names are read anew for each page; nothing keeps them.
func (c *Console) names(ctx context.Context, o view.Organization) bridge.Names {
	if c.p.Names == nil || o.Bridge == nil {
		return bridge.Names{}
	}
	return c.p.Names(ctx, o.OrganizationID)
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
	return &job{s, s.State == enqueue.StateDone || s.State == enqueue.StateRefused || s.State == enqueue.StateDead}, nil
}

func filters(o view.Organization, p state.Page) []filter {
	total := int64(0)
	var all []filter
	for _, s := range sponsorship.Statuses() {
		n := o.Counts[s]
		total += n
		chosen := len(p.Statuses) == 1 && p.Statuses[0] == s
		all = append(all, filter{"filter-" + string(s), view.Word(s), address(o.OrganizationID, url.Values{"status": {string(s)}}), n, chosen})
	}
	return append([]filter{{"filter-all", "All", address(o.OrganizationID, nil), total, len(p.Statuses) == 0}}, all...)
}

// paging keeps the filter and drops the notice of the job.
func paging(query url.Values, org sponsorship.ID, cursor string) (first, more string) {
	kept := url.Values{}
	if s := query.Get("status"); s != "" {
		kept.Set("status", s)
	}
	if query.Get("cursor") != "" {
		first = address(org, kept)
	}
	if cursor != "" {
		kept.Set("cursor", cursor)
		more = address(org, kept)
	}
	return first, more
}

func address(org sponsorship.ID, query url.Values) string {
	path := "/organizations/" + string(org)
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

func (c *Console) sync(w http.ResponseWriter, r *http.Request) error {
	org, err := organizationOf(r)
	if err != nil {
		return err
	}
	return c.press(w, r, jobs.Sync{OrganizationID: org})
}

func (c *Console) syncLicense(w http.ResponseWriter, r *http.Request) error {
	org, err := organizationOf(r)
	if err != nil {
		return err
	}
	return c.press(w, r, jobs.SyncLicense{OrganizationID: org})
}

// press enqueues what a button stands for, once for each time its page was made,
// and goes back to the page, which says what becomes of the job.
func (c *Console) press(w http.ResponseWriter, r *http.Request, args jobs.Args) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var once enqueue.Idempotency
	if key := r.PostFormValue("key"); key != "" {
		once.Key = fmt.Sprintf("console %s %s", args.Kind(), key)
	}
	receipt, err := c.p.Jobs.Enqueue(r.Context(), args, enqueue.WithIdempotency(once))
	if err != nil {
		return err
	}
	to := address(args.Organization(), url.Values{"job": {receipt.ID}})
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func organizationOf(r *http.Request) (sponsorship.ID, error) {
	org, err := sponsorship.ParseID(r.PathValue("org"))
	if err != nil {
		return "", errors.Join(fault.New(fault.InvalidArguments, "the address holds no organization's id"), err)
	}
	return org, nil
}
