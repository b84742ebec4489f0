package api

import (
	"net/http"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/history"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// told is one sponsorship with what happened to it: null where the stream cannot be
// read at the moment.
type told struct {
	view.Sponsorship
	History []history.Entry `json:"history"`
}

func (a *API) getSponsorship(w http.ResponseWriter, r *http.Request) error {
	org, err := organization(r)
	if err != nil {
		return err
	}
	user, err := sponsorship.ParseID(r.PathValue("organizationUserId"))
	if err != nil {
		return view.Invalid("organizationUserId", "must be a UUID")
	}
	shown, known, err := view.ReadSponsorship(r.Context(), a.p.Ledger, org, user)
	if err != nil {
		return err
	}
	if !known {
		return view.NotFound(fault.NotFound, "nothing is known of a sponsorship of member %s", user)
	}
	answer := told{Sponsorship: shown}
	if answer.History, err = a.history.Of(r.Context(), org, user); err != nil {
		a.p.Log.Warn().Err(err).Msg("the history of a sponsorship could not be read")
	}
	return writeJSON(w, http.StatusOK, answer)
}
