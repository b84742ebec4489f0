package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs"
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
)

func (a *API) getOrganizations(w http.ResponseWriter, r *http.Request) error {
	all, err := view.ReadOrganizations(r.Context(), a.Ledger)
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
	return view.NotFound(fault.ConnectionMissing, "organisation %s was never seen here", org)
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
	if wrong := jobs.Unmarshal(body, &c).Naming("body"); wrong != nil {
		return state.Connection{}, view.Invalid(wrong[0].Field, wrong[0].Message)
	}
	token, key := strings.TrimSpace(c.BillingSyncToken.Reveal()), strings.TrimSpace(c.LicenseKey.Reveal())
	switch {
	case !c.CloudOrganizationID.Valid():
		return state.Connection{}, view.Invalid("cloudOrganizationId", "must be a UUID: the cloud organisation's Id, as in the licence file")
	case token == "":
		return state.Connection{}, view.Invalid("billingSyncToken", "is missing or blank")
	case len(token) > maxSecret:
		return state.Connection{}, view.Invalid("billingSyncToken", "is longer than any token")
	case len(key) > maxSecret:
		return state.Connection{}, view.Invalid("licenseKey", "is longer than any key")
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
	page, err := view.PageOf(r.URL.Query(), defaultLimit)
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
	found, next, err := view.ReadPage(r.Context(), a.Ledger, org, page)
	if err != nil {
		return err
	}
	shown := sponsorships{Sponsorships: found}
	if next != "" {
		shown.NextCursor = &next
	}
	return writeJSON(w, http.StatusOK, shown)
}

// organization reads the id in the path, in either case.
func organization(r *http.Request) (sponsorship.ID, error) {
	org, err := sponsorship.ParseID(r.PathValue("org"))
	if err != nil {
		return "", view.Invalid("org", "must be a UUID")
	}
	return org, nil
}
