package api

import (
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// Wrap puts around a mux what concerns every request: security headers, a
// problem document where the mux knows no route, a log line, metrics, and an
// answer even where a handler panics. Neither log nor metrics hold the path,
// only the route's pattern. Lost is asked first where there is no route, and says whether
// it has answered: a person in a browser gets a page. It may be nil.
func (a *API) Wrap(mux *http.ServeMux, lost func(http.ResponseWriter, *http.Request, view.Problem) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := a.p.Now()
		seen := &observed{ResponseWriter: w}
		seen.Header().Set("X-Content-Type-Options", "nosniff")
		defer a.observe(seen, r, begin)
		defer a.recover(seen, r)
		if handler, pattern := mux.Handler(r); pattern == "" {
			refuseRoute(seen, r, handler, lost)
			return
		}
		mux.ServeHTTP(seen, r)
	})
}

// observed remembers the status of an answer.
type observed struct {
	http.ResponseWriter
	status int
}

func (o *observed) WriteHeader(status int) {
	if o.status == 0 {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(p []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	return o.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController through.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// refuseRoute asks the mux's own refusal for its status (404, or 405 with the
// methods that are allowed) and says it as a problem.
func refuseRoute(w http.ResponseWriter, r *http.Request, refusal http.Handler, lost func(http.ResponseWriter, *http.Request, view.Problem) bool) {
	probe := &statusProbe{header: w.Header()}
	refusal.ServeHTTP(probe, r)
	w.Header().Del("Content-Length")
	err := fault.New(fault.NotFound, "there is no such address here")
	if probe.status == http.StatusMethodNotAllowed {
		err = fault.New(fault.MethodNotAllowed, "this address does not take %s, only %s", r.Method, w.Header().Get("Allow"))
	}
	problem := view.ProblemOf(view.WithStatus(probe.status, err))
	if lost == nil || !lost(w, r, problem) {
		writeProblem(w, problem)
	}
}

// statusProbe takes a status and headers, and drops the text.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header            { return p.header }
func (p *statusProbe) WriteHeader(status int)         { p.status = status }
func (p *statusProbe) Write(text []byte) (int, error) { return len(text), nil }

func (a *API) recover(w *observed, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause) // the server's own way to cut a connection
	}
	a.p.Log.Error().Interface("panic", cause).Str("route", r.Pattern).Bytes("stack", debug.Stack()).Msg("request panicked")
	if w.status == 0 {
		writeProblem(w, view.ProblemOf(errors.New("panic")))
	}
}

func (a *API) observe(w *observed, r *http.Request, begin time.Time) {
	took := a.p.Now().Sub(begin)
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	a.metrics.requests.WithLabelValues(route, strconv.Itoa(w.status)).Inc()
	if !strings.HasSuffix(route, "/events") { // a stream's length says nothing of speed
		a.metrics.durations.WithLabelValues(route).Observe(took.Seconds())
	}
	level := a.p.Log.Info()
	if w.status < http.StatusInternalServerError && strings.HasPrefix(route, "GET ") {
		level = a.p.Log.Debug() // probes, scrapes and pages, all day long
	}
	level.Str("route", route).Int("status", w.status).Dur("duration_ms", took).Msg("request")
}
