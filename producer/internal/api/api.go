package api

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/access"
	"github.com/sponsorsync/sponsorsync/producer/internal/connection"
	"github.com/sponsorsync/sponsorsync/producer/internal/history"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

//go:embed openapi.yaml
var document []byte

// Params are what an API is made of. All fields but Log and Base are required.
type Params struct {
	Redis     redis.UniversalClient // bounded: see Bound; ledger and jobs share it
	Ledger    *state.Ledger
	Jobs      *enqueue.Client
	JetStream jetstream.JetStream
	Hub       *Hub
	Access    *access.Access
	Registry  *prometheus.Registry
	Log       zerolog.Logger
	Now       func() time.Time
	Base      string // in front of every address, for a proxy's sake; such as "/sponsorsync"
}

// API is the HTTP API. It is safe for concurrent use.
type API struct {
	p         Params
	inspector *enqueue.Inspector
	health    health.Source
	history   *history.Reader
	saver     connection.Saver
	metrics   metrics

	beat       time.Duration // between two signs of life of an event stream
	unverified chan struct{} // holds one token a body that is read before it is verified
}

// New returns an API whose metrics are registered.
func New(p Params) (*API, error) {
	if p.Redis == nil || p.Ledger == nil || p.Jobs == nil || p.JetStream == nil || p.Hub == nil ||
		p.Access == nil || p.Registry == nil || p.Now == nil {
		return nil, errors.New("make HTTP API: a part is missing; all but Log and Base are required")
	}
	m, err := newMetrics(p)
	if err != nil {
		return nil, err
	}
	return &API{
		p: p, inspector: enqueue.NewInspector(p.Jobs), metrics: m, unverified: make(chan struct{}, unverifiedAtOnce), beat: heartbeat,
		health: p.source(), history: history.New(p.JetStream, p.Now),
		saver: connection.Saver{Ledger: p.Ledger, Waker: enqueue.NewSystem(p.Jobs)},
	}, nil
}

// source is where the whole's health is read from.
func (p Params) source() health.Source {
	return health.Source{
		Redis: p.Redis, Ledger: p.Ledger, Jobs: p.Jobs, Now: p.Now, Timeout: healthTimeout,
		NATS: func(ctx context.Context) error { return events.Ask(ctx, p.JetStream.Conn()) },
	}
}

// handler answers a request, or returns an error that becomes a problem.
type handler func(w http.ResponseWriter, r *http.Request) error

type route struct {
	pattern string
	open    bool // needs no token, or sees to it itself
	handle  handler
}

func (a *API) routes() []route {
	return []route{
		{"POST /v1/jobs", true, a.postJobs}, // may be signed instead
		{"GET /v1/jobs", false, a.getJobs},
		{"GET /v1/jobs/{id}", false, a.getJob},
		{"POST /v1/jobs/{id}/retry", false, a.retryJob},
		{"DELETE /v1/jobs/{id}", false, a.deleteJob},
		{"PUT /v1/organizations/{org}/connection", false, a.putConnection},
		{"DELETE /v1/organizations/{org}/connection", false, a.deleteConnection},
		{"GET /v1/status", false, a.getStatus},
		{"GET /v1/organizations", false, a.getOrganizations},
		{"GET /v1/organizations/{org}", false, a.getOrganization},
		{"GET /v1/organizations/{org}/sponsorships", false, a.getSponsorships},
		{"GET /v1/organizations/{org}/sponsorships/{organizationUserId}", false, a.getSponsorship},
		{"GET /v1/organizations/{org}/events", false, a.getEvents},
		{"GET /openapi.yaml", false, a.getDocument},
		{"GET /metrics", false, a.getMetrics()},
		{"GET /healthz", true, getHealth},
		{"GET /readyz", true, a.getReadiness},
	}
}

// Register adds the API's routes to a mux.
func (a *API) Register(mux *http.ServeMux) {
	for _, r := range a.routes() {
		mux.HandleFunc(r.pattern, a.serve(r))
	}
}

func (a *API) serve(route route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		r = access.Once(r)
		var err error
		if !route.open {
			err = a.p.Access.Check(r)
		}
		if err == nil {
			err = route.handle(w, r)
		}
		if err != nil {
			a.refuse(w, r, err)
		}
	}
}

// refuse logs what the caller is not told: the cause of a 5xx.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := view.ProblemOf(err)
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		a.p.Log.Error().Err(err).Str("route", r.Pattern).Msg("request failed")
	}
	writeProblem(w, p)
}

// getDocument names the address that clients reach this API at.
func (a *API) getDocument(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, err := w.Write(bytes.Replace(document, []byte("  - url: /\n"), []byte("  - url: "+a.p.Base+"/\n"), 1))
	return err
}

// jobAddress is where a job is found.
func (a *API) jobAddress(id string) string { return a.p.Base + "/v1/jobs/" + url.PathEscape(id) }

func (a *API) getMetrics() handler {
	h := promhttp.HandlerFor(a.p.Registry, promhttp.HandlerOpts{})
	return func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}
