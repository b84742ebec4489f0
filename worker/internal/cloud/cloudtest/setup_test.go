package cloudtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zeroID is what the cloud reads where a GUID is missing.
const zeroID = "00000000-0000-0000-0000-000000000000"

// clock stands still unless it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// lab is a cloud with one installation and one Enterprise organization, seen
// through plain HTTP.
type lab struct {
	*testing.T
	ctx    context.Context
	cloud  *cloudtest.Cloud
	clock  *clock
	client *http.Client
	in     cloudtest.Installation
	org    cloudtest.Organization
	bearer string
}

func setup(t *testing.T, edits ...func(*cloudtest.Options)) *lab {
	t.Helper()
	watch := &clock{now: time.Date(2026, 8, 20, 19, 16, 19, 123456700, time.UTC)}
	opts := cloudtest.Options{Now: watch.Now}
	for _, edit := range edits {
		edit(&opts)
	}
	cloud := cloudtest.New(opts)
	if err := cloud.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	transport := cloud.Transport()
	t.Cleanup(func() {
		cancel()
		transport.CloseIdleConnections()
		if err := cloud.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	l := &lab{T: t, ctx: ctx, cloud: cloud, clock: watch, in: cloud.AddInstallation(), org: cloud.AddOrganization()}
	l.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return l
}

type reply struct {
	status int
	header http.Header
	body   string
	err    error
	at     time.Time // when status and headers had come
}

func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		t.Fatalf("body %q: %v", r.body, err)
	}
	return out
}

type call struct {
	method, path, contentType, bearer, body string
}

func (l *lab) do(c call) reply {
	l.Helper()
	request, err := http.NewRequestWithContext(l.ctx, c.method, l.cloud.URL()+c.path, strings.NewReader(c.body))
	if err != nil {
		l.Fatal(err)
	}
	if c.contentType != "" {
		request.Header.Set("Content-Type", c.contentType)
	}
	if c.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	response, err := l.client.Do(request)
	if err != nil {
		return reply{err: err}
	}
	defer response.Body.Close()
	at := time.Now()
	body, err := io.ReadAll(response.Body)
	return reply{status: response.StatusCode, header: response.Header, body: string(body), err: err, at: at}
}

// identity asks for a token with the lab's own credentials, changed by pairs.
func (l *lab) identity(pairs ...string) reply {
	l.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"api.installation"},
		"client_id": {"installation." + l.in.ID}, "client_secret": {l.in.Key},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return l.do(call{http.MethodPost, cloudtest.PathToken, "application/x-www-form-urlencoded", "", form.Encode()})
}

func (l *lab) token(scope string) string {
	l.Helper()
	token, _ := l.identity("scope", scope).json(l.T)["access_token"].(string)
	if token == "" {
		l.Fatalf("no token for scope %s", scope)
	}
	return token
}

// raw sends a sync body as it is.
func (l *lab) raw(body string) reply {
	l.Helper()
	if l.bearer == "" {
		l.bearer = l.token("api.installation")
	}
	return l.do(call{http.MethodPost, cloudtest.PathSync, "application/json; charset=utf-8", l.bearer, body})
}

type object = map[string]any

// envelope is a sound sync body, changed by pairs; a nil value drops the member.
func (l *lab) envelope(rows any, pairs ...any) string {
	l.Helper()
	body := object{"billingSyncKey": l.org.BillingSyncKey, "sponsoringOrganizationCloudId": l.org.ID, "sponsorshipsBatch": rows}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		body[name] = pairs[i+1]
		if pairs[i+1] == nil {
			delete(body, name)
		}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		l.Fatal(err)
	}
	return string(raw)
}

func row(user string, pairs ...any) object {
	r := object{
		"sponsoringOrganizationUserId": user, "friendlyName": "n", "offeredToEmail": "e@x.test",
		"planSponsorshipType": 0, "lastSyncDate": nil, "validUntil": nil, "toDelete": false,
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		r[name] = pairs[i+1]
	}
	return r
}

// tombstone is a row to delete; dated ones carry a lastSyncDate.
func tombstone(user string, dated bool) object {
	if dated {
		return row(user, "toDelete", true, "lastSyncDate", "2026-08-19T00:00:00Z")
	}
	return row(user, "toDelete", true)
}

func (l *lab) try(rows ...object) reply {
	l.Helper()
	if rows == nil {
		rows = []object{}
	}
	return l.raw(l.envelope(rows))
}

// sync sends rows, insists on 200 and returns the answered rows.
func (l *lab) sync(rows ...object) []object {
	l.Helper()
	r := l.try(rows...)
	equal(l.T, "status", r.status, http.StatusOK)
	var out struct{ SponsorshipsBatch []object }
	if err := json.NewDecoder(bytes.NewReader([]byte(r.body))).Decode(&out); err != nil || out.SponsorshipsBatch == nil {
		l.Fatalf("sync answer %q: %v", r.body, err)
	}
	return out.SponsorshipsBatch
}

// is checks the cloud's memory: rows stored and mails sent.
func (l *lab) is(rows, mails int) {
	l.Helper()
	equal(l.T, "rows", len(l.cloud.Rows(l.org.ID)), rows)
	equal(l.T, "mails", len(l.cloud.Mails()), mails)
}

// redeemed stores a redeemed row and returns its key and end.
func (l *lab) redeemed() (user string, until time.Time) {
	user, until = uuid.NewString(), l.clock.Now().AddDate(0, 6, 0)
	l.cloud.AddRow(cloudtest.Row{
		OrganizationID: l.org.ID, OrganizationUserID: user, FriendlyName: "n",
		SponsoredOrganizationID: uuid.NewString(), ValidUntil: &until,
	})
	return user, until
}

func (l *lab) edit(change func(*cloudtest.Organization)) {
	l.Helper()
	if !l.cloud.UpdateOrganization(l.org.ID, change) {
		l.Fatal("organization is missing")
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// refused checks an answer for the error model with this status and message.
func refused(t *testing.T, r reply, status int, message string) {
	t.Helper()
	equal(t, "status", r.status, status)
	if !strings.HasPrefix(r.body, `{"object":"error","message":`) {
		t.Errorf("body %q is not the error model", r.body)
		return
	}
	equal(t, "message", r.json(t)["message"], any(message))
}

// conformance is one case; numbers are those of PROTOCOL.md 9.
type conformance struct {
	name string
	test func(l *lab)
}

func conform(t *testing.T, cases []conformance) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(setup(t))
		})
	}
}
