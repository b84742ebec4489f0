package api

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/audit"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/erase"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// disconnected is the answer to a DELETE of a connection.
type disconnected struct {
	OrganizationID sponsorship.ID `json:"organizationId"`
	Disconnected   bool           `json:"disconnected"` // false while offers are being withdrawn
	Offers         int            `json:"offers"`       // that live in the cloud
	Withdrawing    int            `json:"withdrawing"`  // that are not withdrawn yet
}

// deleteConnection ends an organization here. With withdraw it only begins to
// withdraw what is offered, as long as anything is: the caller asks again.
func (a *API) deleteConnection(w http.ResponseWriter, r *http.Request) error {
	org, err := organization(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	withdraw, err := boolean(query, "withdraw")
	if err != nil {
		return err
	}
	forget, err := boolean(query, "forget")
	if err != nil {
		return err
	}
	_, known, err := a.p.Ledger.Organization(r.Context(), org)
	switch {
	case err != nil:
		return err
	case !known:
		return unseen(org)
	}
	answer := disconnected{OrganizationID: org}
	if withdraw {
		begun, err := a.eraser().Withdraw(r.Context(), org)
		if unsent, ok := errors.AsType[*fault.Error](err); ok && unsent.Code != fault.QueueUnavailable {
			return view.WithStatus(http.StatusConflict, unsent)
		}
		if err != nil {
			return err
		}
		a.note(r, audit.Deed{Action: "withdraw all", Organization: org})
		answer.Withdrawing = len(begun.Open)
	}
	if answer.Offers, err = a.eraser().Offers(r.Context(), org); err != nil {
		return err
	}
	if answer.Withdrawing > 0 {
		return writeJSON(w, http.StatusAccepted, answer)
	}
	if err := a.eraser().Disconnect(r.Context(), org); err != nil {
		return err
	}
	a.note(r, audit.Deed{Action: "disconnect", Organization: org})
	if forget {
		a.note(r, audit.Deed{Action: "forget organization", Organization: org})
		if _, err := a.eraser().Organization(r.Context(), org); err != nil {
			return err
		}
	}
	answer.Disconnected = true
	return writeJSON(w, http.StatusOK, answer)
}

func (a *API) eraser() erase.Eraser {
	return erase.Eraser{Ledger: a.p.Ledger, Jobs: a.p.Jobs, Bridge: memory.New(a.p.Redis, nil)}
}

// boolean reads a part of the query that is true, false or absent.
func boolean(query url.Values, name string) (bool, error) {
	text := query.Get(name)
	if text == "" && !query.Has(name) {
		return false, nil
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, view.Invalid(name, "must be true or false")
	}
	return value, nil
}
