package hook

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

const (
	maxConnection = 64 << 10 // bytes of the body
	maxSecret     = 8 << 10  // characters of a token or a key
	defaultLimit  = 100
	maxLimit      = 1000
	readers       = 16 // organisations that are read at once
)

// ReadOrganizations reads all organisations, sorted by id.
func ReadOrganizations(ctx context.Context, l *state.Ledger) ([]view.Organization, error) {
	ids, err := l.Organizations(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(ids)
	all := make([]view.Organization, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, id := range ids {
		group.Go(func() (err error) {
			all[i], _, err = view.ReadOrganization(ctx, l, id)
			return err
		})
	}
	return all, group.Wait()
}

func (a *API) getOrganizations(w http.ResponseWriter, r *http.Request) error {
	all, err := ReadOrganizations(r.Context(), a.Ledger)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, all)
}

func (a *API) getOrganization(w http.ResponseWriter, r *http.Request) error {
	org, err := organization(r)
	if err != nil {
		return err
	}
	shown, known, err := view.ReadOrganization(r.Context(), a.Ledger, org)
	if err != nil {
		return err
	}
	if !known {
		return unseen(org)
	}
	return writeJSON(w, http.StatusOK, shown)
}

// unseen is said of an organisation that no job and no connection ever named:
// what it lacks is the connection, whatever else.
func unseen(org sponsorship.ID) error {
	return missing(fault.ConnectionMissing, "organisation %s was never seen here", org)
}

// connection is step 3 of the guide.
type connection struct {
	CloudOrganizationID sponsorship.ID `json:"cloudOrganizationId"`
	BillingSyncToken    secret.Text    `json:"billingSyncToken"`
	LicenseKey          secret.Text    `json:"licenseKey"`
}

func (a *API) putConnection(w http.ResponseWriter, r *http.Request) error {
	org, err := organization(r)
	if err != nil {
		return err
	}
	c, err := readConnection(w, r)
	if err != nil {
		return err
	}
	if err := a.Ledger.Connect(r.Context(), org, c, a.Now()); err != nil {
		return err
	}
	if err := a.wake(r.Context(), org); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// wake tries at once what waited for the connection to be saved again.
func (a *API) wake(ctx context.Context, org sponsorship.ID) error {
	known, _, err := a.Ledger.Organization(ctx, org)
	if err != nil || !known.Started {
		return err
	}
	return a.Jobs.Wake(ctx, org, known.Generation)
}

// readConnection takes off what pasting adds: spaces and line ends.
func readConnection(w http.ResponseWriter, r *http.Request) (state.Connection, error) {
	body, err := readBody(w, r, maxConnection)
	if err != nil {
		return state.Connection{}, err
	}
	var c connection
	if wrong := strictly(body, &c); wrong != nil {
		return state.Connection{}, invalid(wrong[0].Field, wrong[0].Message)
	}
	token, key := strings.TrimSpace(c.BillingSyncToken.Reveal()), strings.TrimSpace(c.LicenseKey.Reveal())
	switch {
	case !c.CloudOrganizationID.Valid():
		return state.Connection{}, invalid("cloudOrganizationId", "must be a UUID: the cloud organisation's Id, as in the licence file")
	case token == "":
		return state.Connection{}, invalid("billingSyncToken", "is missing or blank")
	case len(token) > maxSecret:
		return state.Connection{}, invalid("billingSyncToken", "is longer than any token")
	case len(key) > maxSecret:
		return state.Connection{}, invalid("licenseKey", "is longer than any key")
	}
	return state.Connection{
		CloudOrganizationID: c.CloudOrganizationID, BillingSyncToken: secret.Text(token), LicenseKey: secret.Text(key),
	}, nil
}

// sponsorships is one page. NextCursor is null on the last one.
type sponsorships struct {
	Sponsorships []view.Sponsorship `json:"sponsorships"`
	NextCursor   *string            `json:"nextCursor"`
}

func (a *API) getSponsorships(w http.ResponseWriter, r *http.Request) error {
	org, err := organization(r)
	if err != nil {
		return err
	}
	page, err := PageOf(r.URL.Query(), defaultLimit)
	if err != nil {
		return err
	}
	_, known, err := a.Ledger.Organization(r.Context(), org)
	if err != nil {
		return err
	}
	if !known {
		return unseen(org)
	}
	found, next, err := ReadPage(r.Context(), a.Ledger, org, page)
	if err != nil {
		return err
	}
	shown := sponsorships{Sponsorships: found}
	if next != "" {
		shown.NextCursor = &next
	}
	return writeJSON(w, http.StatusOK, shown)
}

// ReadPage reads one page of sponsorships, and the cursor of the next.
func ReadPage(ctx context.Context, l *state.Ledger, org sponsorship.ID, p state.Page) ([]view.Sponsorship, string, error) {
	found, next, err := l.List(ctx, org, p)
	if _, wrong := errors.AsType[*state.CursorError](err); wrong {
		return nil, "", invalid("cursor", "is not one of this list; start again without it")
	}
	shown := make([]view.Sponsorship, len(found))
	for i, s := range found {
		shown[i] = view.ShowSponsorship(s)
	}
	return shown, next, err
}

// PageOf reads status (repeatable, or separated by commas), limit and cursor.
func PageOf(q url.Values, limit int) (state.Page, error) {
	p := state.Page{Limit: limit, Cursor: q.Get("cursor")}
	wanted := map[sponsorship.Status]bool{}
	for _, name := range strings.FieldsFunc(strings.Join(q["status"], ","), func(c rune) bool { return c == ',' }) {
		s := sponsorship.Status(name)
		if !s.Valid() {
			return p, invalid("status", "must be one of "+statusNames())
		}
		wanted[s] = true
	}
	for _, s := range sponsorship.Statuses() { // in one order, which cursors rely on
		if wanted[s] {
			p.Statuses = append(p.Statuses, s)
		}
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return p, invalid("limit", "must be a whole number from 1 to "+strconv.Itoa(maxLimit))
		}
		p.Limit = n
	}
	return p, nil
}

func statusNames() string {
	var names []string
	for _, s := range sponsorship.Statuses() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// organization reads the id in the path, in either case.
func organization(r *http.Request) (sponsorship.ID, error) {
	org, err := sponsorship.ParseID(r.PathValue("org"))
	if err != nil {
		return "", invalid("org", "must be a UUID")
	}
	return org, nil
}
