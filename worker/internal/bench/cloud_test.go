package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// latency is what a request to the cloud takes.
const latency = 50 * time.Millisecond

// access is what a client needs of a cloud.
type access struct{ url, installation, key string }

// simulate runs a simulated cloud with the usual latency.
func simulate(b *testing.B, limits cloudtest.Limits) (*cloudtest.Cloud, access) {
	b.Helper()
	c := cloudtest.New(cloudtest.Options{Limits: limits})
	jobstest.Must(b, c.Start())
	b.Cleanup(func() { _ = c.Close() })
	c.Inject(cloudtest.Slow(latency).Times(-1))
	installation := c.AddInstallation()
	return c, access{c.URL(), installation.ID, installation.Key}
}

// connect makes an organization of the cloud's known to the store.
func (s *store) connect(b *testing.B, org sponsorship.ID, remote cloudtest.Organization) state.Connection {
	b.Helper()
	c := state.Connection{CloudOrganizationID: sponsorship.ID(remote.ID), BillingSyncToken: secret.Text(remote.BillingSyncKey)}
	jobstest.Must(b, s.ledger.Connect(b.Context(), org, c))
	return c
}

// client is our HTTP client without limits, and with enough connections for
// every caller at once.
func client(b *testing.B, a access) *cloud.Client {
	b.Helper()
	c, err := cloud.New(cloud.Params{
		Config:    cloud.Config{IdentityURI: a.url, APIURI: a.url, InstallationID: a.installation, InstallationKey: secret.Text(a.key)},
		Limiter:   noLimit{},
		Transport: &http.Transport{MaxIdleConnsPerHost: cloudConcurrency},
		Now:       now, Rand: rand.Float64, Log: logger(),
	})
	jobstest.Must(b, err)
	b.Cleanup(c.Close)
	return c
}

// noLimit lets every request pass.
type noLimit struct{}

func (noLimit) Wait(context.Context, cloud.Lane) error      { return nil }
func (noLimit) PauseUntil(context.Context, time.Time) error { return nil }

// echo is a cloud that accepts every row and remembers none, so that its own
// growth is no part of what is measured.
type echo struct {
	latency time.Duration
	rows    atomic.Int64
}

func (e *echo) start(b *testing.B) access {
	b.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /connect/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"token","token_type":"Bearer","expires_in":86400}`)
	})
	mux.HandleFunc("POST "+cloudtest.PathSync, e.sync)
	server := httptest.NewServer(mux)
	b.Cleanup(server.Close)
	return access{server.URL, "30000000-0000-4000-8000-000000000001", "key"}
}

func (e *echo) sync(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Rows []struct {
			User  string `json:"sponsoringOrganizationUserId"`
			Name  string `json:"friendlyName"`
			Email string `json:"offeredToEmail"`
		} `json:"sponsorshipsBatch"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	cloudtest.Sleep(r.Context(), e.latency)
	e.rows.Add(int64(len(body.Rows)))
	answers := make([]map[string]any, len(body.Rows))
	for i, row := range body.Rows {
		answers[i] = map[string]any{
			"sponsoringOrganizationUserId": row.User, "friendlyName": row.Name, "offeredToEmail": row.Email,
			"planSponsorshipType": 0, "lastSyncDate": now().Format(time.RFC3339), "validUntil": nil,
			"toDelete": false, "cloudSponsorshipRemoved": false,
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(map[string]any{"sponsorshipsBatch": answers}) // fails only when the caller is gone
}
