package cloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	installation = "AAAAAAAA-1111-4111-8111-111111111111"
	organization = "bbbbbbbb-2222-4222-8222-222222222222"
	user1        = "cccccccc-3333-4333-8333-333333333331"
	user2        = "cccccccc-3333-4333-8333-333333333332"
	secretKey    = "installation-key-secret"
	secretToken  = "billing-sync-token-secret"
	address      = "someone@family.example"
	emptyBatch   = `{"sponsorshipsBatch":[]}`
	tokenAnswer  = `{"access_token":"token-1","expires_in":86400,"token_type":"Bearer","scope":"x"}`
)

// wire is a cloud without a network: it answers what the test says and keeps
// what was sent.
type wire struct {
	mu       sync.Mutex
	requests []sent
	token    func(*http.Request) (*http.Response, error)
	api      func(*http.Request) (*http.Response, error)
}

type sent struct {
	method, url, body string
	header            http.Header
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		raw, _ := io.ReadAll(r.Body)
		body = string(raw)
	}
	w.mu.Lock()
	w.requests = append(w.requests, sent{method: r.Method, url: r.URL.String(), body: body, header: r.Header.Clone()})
	w.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/connect/token") {
		return w.token(r)
	}
	return w.api(r)
}

// to returns the requests whose path ends so.
func (w *wire) to(suffix string) []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []sent
	for _, r := range w.requests {
		if strings.HasSuffix(r.url, suffix) {
			found = append(found, r)
		}
	}
	return found
}

func always(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return response(status, body, header...), nil }
}

func response(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// freeLimiter lets everything pass and keeps the pauses.
type freeLimiter struct {
	mu     sync.Mutex
	waits  int
	err    error
	pauses []time.Time
}

func (l *freeLimiter) Wait(context.Context, cloud.Lane) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits++
	return l.err
}

func (l *freeLimiter) PauseUntil(_ context.Context, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pauses = append(l.pauses, until)
	return nil
}

// bundle is a client over a wire that works, with everything it reports.
type bundle struct {
	*cloud.Client
	wire     *wire
	limiter  *freeLimiter
	observed *[]string
	logs     *strings.Builder
}

func setup(t *testing.T, change ...func(*cloud.Params)) bundle {
	t.Helper()
	b := bundle{
		wire:    &wire{token: always(200, tokenAnswer), api: always(200, emptyBatch)},
		limiter: &freeLimiter{}, observed: &[]string{}, logs: &strings.Builder{},
	}
	var mu sync.Mutex
	p := cloud.Params{
		Config: cloud.Config{
			IdentityURI: "https://identity.example/id", APIURI: "https://api.example/v1/",
			InstallationID: installation, InstallationKey: secretKey, Version: "1.2.3",
		},
		Limiter: b.limiter, Now: time.Now, Rand: func() float64 { return 0.5 },
		Log: zerolog.New(zerolog.SyncWriter(b.logs)), Transport: b.wire,
		Observe: func(op, code string, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			*b.observed = append(*b.observed, op+" "+code)
		},
	}
	for _, c := range change {
		c(&p)
	}
	client, err := cloud.New(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	b.Client = client
	return b
}

// Sync takes a turn and sends, as every caller does.
func (b bundle) Sync(ctx context.Context, r cloud.SyncRequest) ([]cloud.RowAnswer, error) {
	for {
		if err := b.Turn(ctx, cloud.Urgent); err != nil {
			return nil, err
		}
		if answers, err := b.Client.Sync(ctx, r); !errors.Is(err, cloud.ErrTokenDied) {
			return answers, err
		}
	}
}

// License takes a turn and fetches, as every caller does.
func (b bundle) License(ctx context.Context, r cloud.LicenseRequest) (json.RawMessage, error) {
	for {
		if err := b.LicenseTurn(ctx, cloud.Urgent); err != nil {
			return nil, err
		}
		if license, err := b.Client.License(ctx, r); !errors.Is(err, cloud.ErrTokenDied) {
			return license, err
		}
	}
}

func batch(rows ...cloud.Row) cloud.SyncRequest {
	return cloud.SyncRequest{BillingSyncKey: secretToken, CloudOrganizationID: organization, Rows: rows}
}

// failure asserts that err is a *cloud.Error with the code, holding nothing secret.
func failure(t *testing.T, err error, code fault.Code) *cloud.Error {
	t.Helper()
	e, ok := errors.AsType[*cloud.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *cloud.Error with %s", err, code)
	}
	if got := fault.CodeOf(err); got != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	for _, secret := range []string{secretKey, secretToken, address, "token-1"} {
		if strings.Contains(err.Error(), secret) {
			t.Fatalf("%q holds a secret", err)
		}
	}
	return e
}
