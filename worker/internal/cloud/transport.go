package cloud

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
)

// partial is an answer of which the status line came, and not the whole body.
type partial struct {
	error
	status int
	body   []byte
}

func (p *partial) Unwrap() error { return p.error }

// What can be wrong with an answer's body before anybody looks into it.
var (
	errTooLarge = errors.New("answer too large")
	errCutOff   = errors.New("answer cut off")
)

// transport reads every answer to its end before handing it on, so that all
// transport faults surface in one place, also those that the token library would
// otherwise turn into text.
type transport struct {
	base      http.RoundTripper
	userAgent string
	limit     int64
}

func newHTTPClient(p Params) *http.Client {
	base := p.Transport
	if base == nil {
		base = defaultTransport()
	}
	var whole http.RoundTripper = &transport{base: base, userAgent: "sponsorsync/" + p.Config.Version, limit: p.Config.MaxResponseBytes}
	if p.Traces != nil {
		whole = otelhttp.NewTransport(whole, otelhttp.WithTracerProvider(p.Traces), otelhttp.WithMeterProvider(noop.NewMeterProvider()),
			otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator())) // of none: see Params
	}
	return &http.Client{
		Transport: whole,
		// A redirect would carry the token and the rows to somewhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// defaultTransport is Go's own, with HTTP/1.1 alone, as the official server speaks it:
// what a firewall or a proxy lets that server do it lets us do, and a connection that
// one of them forgets fails one call and not all that share it.
func defaultTransport() http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // somebody replaced it on purpose
		return http.DefaultTransport
	}
	t := standard.Clone()
	t.MaxIdleConnsPerHost = 64 // more than a worker has handlers
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	return t
}

// RoundTrip makes one exchange; the body of the result is in memory.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", t.userAgent)
	req.Header.Set("Accept", "application/json")
	res, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, t.limit+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errCutOff
	case err != nil:
		err = fmt.Errorf("read answer: %w", err)
	case int64(len(body)) > t.limit:
		err = errTooLarge
	}
	if err != nil {
		return nil, &partial{error: err, status: res.StatusCode, body: body}
	}
	dropBadLocation(res.Header)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// CloseIdleConnections makes http.Client.CloseIdleConnections reach the base.
func (t *transport) CloseIdleConnections() {
	if closer, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// dropBadLocation keeps http.Client from failing on a Location that is no URL:
// a redirect is never followed, and is to be reported as one.
func dropBadLocation(h http.Header) {
	if _, err := url.Parse(h.Get("Location")); err != nil {
		h.Del("Location")
	}
}

// buffered takes the answer out of a response that [transport] returned; such a
// body cannot fail to be read.
func buffered(res *http.Response) answer {
	body, _ := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, body: body}
}
