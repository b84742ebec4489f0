package api

import (
	"net/http"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/audit"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

const (
	maxConnection = 64 << 10 // bytes of the body
	defaultLimit  = 100
)

func (a *API) getOrganizations(w http.ResponseWriter, r *http.Request) error {
	all, err := view.ReadOrganizations(r.Context(), a.p.Ledger)
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
	shown, known, err := view.ReadOrganization(r.Context(), a.p.Ledger, org)
	if err != nil {
		return err
	}
	if !known {
		return unseen(org)
	}
	return writeJSON(w, http.StatusOK, shown)
}

// unseen is said of an organization that no job and no connection ever named:
// what it lacks is the connection, whatever else.
func unseen(org sponsorship.ID) error {
	return view.NotFound(fault.ConnectionMissing, "organization %s was never seen here", org)
}

// connectionRequest is step 3 of the guide.
type connectionRequest struct {
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
	saved, err := a.saver.Save(r.Context(), org, c)
	if err != nil {
		return err
	}
	if saved.UnusualToken {
		a.p.Log.Warn().Stringer("organization", org).Msg("the billing sync token is not 30 letters and digits; saved nevertheless")
	}
	a.note(r, audit.Deed{Action: "connect", Organization: org})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// note writes who did it.
func (a *API) note(r *http.Request, d audit.Deed) {
	who, _ := a.p.Access.Caller(r) // the route has checked it
	audit.Note(a.p.Log, who.Name, d)
}

func readConnection(w http.ResponseWriter, r *http.Request) (state.Connection, error) {
	body, err := readBody(w, r, maxConnection)
	if err != nil {
		return state.Connection{}, err
	}
	var c connectionRequest
	if wrong := jobs.Unmarshal(body, &c).Naming("body"); wrong != nil {
		return state.Connection{}, jobs.Invalid(wrong...)
	}
	return state.Connection{
		CloudOrganizationID: c.CloudOrganizationID, BillingSyncToken: c.BillingSyncToken, LicenseKey: c.LicenseKey,
	}, nil
}

// sponsorships is one page. NextCursor is null on the last one, PreviousCursor on the
// first.
type sponsorships struct {
	Sponsorships   []view.Sponsorship `json:"sponsorships"`
	NextCursor     *string            `json:"nextCursor"`
	PreviousCursor *string            `json:"previousCursor"`
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
	_, known, err := a.p.Ledger.Organization(r.Context(), org)
	if err != nil {
		return err
	}
	if !known {
		return unseen(org)
	}
	found, err := view.ReadPage(r.Context(), a.p.Ledger, org, page)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, sponsorships{found.Rows, view.OrNull(found.Next), view.OrNull(found.Previous)})
}

// organization reads the id in the path, in either case.
func organization(r *http.Request) (sponsorship.ID, error) {
	org, err := sponsorship.ParseID(r.PathValue("org"))
	if err != nil {
		return "", view.Invalid("org", "must be a UUID")
	}
	return org, nil
}
