package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

type disconnected struct {
	Disconnected        bool
	Offers, Withdrawing int
}

const connectionPath = "/v1/organizations/" + string(acme) + "/connection"

// offering is an organization that is connected, with one offer in the cloud.
func offering(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	jobstest.Equal(t, "connected", b.do(t, call{method: "PUT", path: connectionPath, body: connectBody}).status, http.StatusNoContent)
	seed := jobstest.Ledger{Redis: b.redis}
	jobstest.Must(t, seed.Start(t.Context(), acme))
	jobstest.Must(t, seed.Put(t.Context(), sponsorship.Sponsorship{
		OrganizationID: acme, UserID: user1, Status: sponsorship.Sent, Revision: 1, Email: "family@example.com",
		Wire: sponsorship.Wire{Offered: "family@example.com", Known: true},
	}))
	return b
}

func (b *bundle) delete(t *testing.T, query string) answer {
	t.Helper()
	return b.do(t, call{method: "DELETE", path: connectionPath + query})
}

func TestDisconnectSaysWhatLivesOn(t *testing.T) {
	t.Parallel()
	b := offering(t)
	a := b.delete(t, "")
	jobstest.Equal(t, "status", a.status, http.StatusOK)
	jobstest.Equal(t, "answer", read[disconnected](t, a), disconnected{Disconnected: true, Offers: 1})
	o := read[map[string]any](t, b.get(t, "/v1/organizations/"+string(acme)))
	jobstest.Equal[any](t, "connected", o["connected"], false)
	a = b.delete(t, "?withdraw=true")
	jobstest.Equal(t, "status", a.status, http.StatusConflict)
	jobstest.Equal(t, "code", a.problem(t).Code, fault.ConnectionMissing)
}

func TestDisconnectWithdrawsUntilNothingIsOpen(t *testing.T) {
	t.Parallel()
	b := offering(t)
	a := b.delete(t, "?withdraw=true&forget=true")
	jobstest.Equal(t, "status", a.status, http.StatusAccepted)
	jobstest.Equal(t, "answer", read[disconnected](t, a), disconnected{Offers: 1, Withdrawing: 1})
	jobstest.RequireEnqueued(t, b.redis, func(c jobs.ChangeSponsorship) bool { return c.Revoke && c.OrganizationUserID == user1 })
	jobstest.Value(b.ledger.Connection(t.Context(), acme))(t)

	jobstest.Must(t, jobstest.Ledger{Redis: b.redis}.Put(t.Context(), sponsorship.Sponsorship{
		OrganizationID: acme, UserID: user1, Status: sponsorship.Removed, Revision: 2, Email: "family@example.com",
	}))
	a = b.delete(t, "?withdraw=true&forget=true")
	jobstest.Equal(t, "status", a.status, http.StatusOK)
	jobstest.Equal(t, "answer", read[disconnected](t, a), disconnected{Disconnected: true})
	jobstest.Equal(t, "known", b.get(t, "/v1/organizations/"+string(acme)).status, http.StatusNotFound)
	for _, key := range jobstest.Value(b.redis.Keys(t.Context(), "*").Result())(t) {
		if strings.Contains(key, string(acme)) || strings.Contains(key, ":t:") {
			t.Errorf("%s is left", key)
		}
	}
}

func TestDisconnectRefusesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	b := offering(t)
	for _, field := range []string{"withdraw", "forget"} {
		a := b.delete(t, "?"+field+"=perhaps")
		jobstest.Equal(t, "status", a.status, http.StatusBadRequest)
		jobstest.Equal(t, "field", a.problem(t).Errors[0].Field, field)
	}
	a := b.do(t, call{method: "DELETE", path: "/v1/organizations/" + string(bravo) + "/connection"})
	jobstest.Equal(t, "unseen", a.status, http.StatusNotFound)
	jobstest.Value(b.ledger.Connection(t.Context(), acme))(t)
}
