//go:build hostile

package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
	"github.com/sponsorsync/sponsorsync/worker/internal/sweep"
)

// racy is a cloud as PROTOCOL.md describes it (2.6, 2.7a): it loads the rows, works, and inserts; not atomic, and
// it does not stop because a client went away.
type racy struct {
	mu    sync.Mutex
	rows  []string
	mails map[string]int
	slow  []time.Duration // of the n-th request
	n     int
	mute  map[int]bool // the n-th request inserts, then fails to mail: 500 (PROTOCOL.md 2.8)
	at    []time.Time
	log   []string
}

func (c *racy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/connect/token" {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"a.b.c","expires_in":86400,"token_type":"Bearer"}`)
		return
	}
	var in struct {
		Rows []struct {
			User  string `json:"sponsoringOrganizationUserId"`
			Email string `json:"offeredToEmail"`
		} `json:"sponsorshipsBatch"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	c.mu.Lock()
	n := c.n
	c.n++
	c.at = append(c.at, time.Now())
	known := map[string]bool{}
	for _, id := range c.rows {
		if known[id] && len(in.Rows) > 0 {
			c.mu.Unlock()
			w.WriteHeader(500)
			fmt.Fprint(w, `{"message":"An unhandled server error has occurred.","object":"error"}`)
			return
		}
		known[id] = true
	}
	d := time.Duration(0)
	if n < len(c.slow) {
		d = c.slow[n]
	}
	c.mu.Unlock()
	time.Sleep(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []map[string]any{}
	for _, row := range in.Rows {
		if !known[row.User] {
			c.rows = append(c.rows, row.User)
			if !c.mute[n] {
				c.mails[row.Email]++
			}
		}
		out = append(out, map[string]any{"sponsoringOrganizationUserId": row.User, "validUntil": nil, "lastSyncDate": time.Now().UTC(), "toDelete": false, "cloudSponsorshipRemoved": false})
	}
	if c.mute[n] {
		w.WriteHeader(500)
		fmt.Fprint(w, `{"message":"An unhandled server error has occurred.","object":"error"}`)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"sponsorshipsBatch": out})
}

func withRacy(t *testing.T, b *bundle, timeout time.Duration, slow ...time.Duration) *racy {
	c := &racy{mails: map[string]int{}, slow: slow}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	client, err := cloud.New(cloud.Params{
		Config: cloud.Config{
			IdentityURI: server.URL, APIURI: server.URL,
			InstallationID: "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f", InstallationKey: "k", Timeout: timeout,
		},
		Limiter: noLimit{}, Now: b.now, Rand: func() float64 { return 0.5 }, Log: zerolog.Nop(),
	})
	jobstest.Must(t, err)
	t.Cleanup(client.Close)
	b.with(func(p *reconcile.Params) { p.Cloud = client })
	return c
}

// Timeout : first wait : cloud's work = 30 s : 2 s : 36 s, scaled down by 20.
func TestHostileTimeoutThenRetryDoublesRowsAndMails(t *testing.T) {
	b := setup(t)
	c := withRacy(t, b, 1500*time.Millisecond, 0, 1800*time.Millisecond)
	b.with(func(p *reconcile.Params) { p.Curve = jobs.Curve{Base: 100 * time.Millisecond, Max: time.Hour} })
	b.mustFull() // the empty first sync
	b.redeem(1)
	err := b.pending()
	delay, _ := jobs.Delay(err)
	t.Log("first attempt:", err, "retry in", delay)
	time.Sleep(delay)
	t.Log("second attempt:", b.pending())
	time.Sleep(500 * time.Millisecond)
	c.mu.Lock()
	t.Logf("cloud rows of the member: %d, mails: %v, requests %d", len(c.rows), c.mails, c.n)
	c.mu.Unlock()
	t.Log("every later sync:", b.full())
	t.Log("row is", describe(b.get(1)))
}

// A worker that is killed 1 s after its request left; the cloud needs 25 s for it. Lease 15 s.
func TestHostileKillThenTakeover(t *testing.T) {
	b := setup(t)
	c := withRacy(t, b, 30*time.Second, 0, 25*time.Second)
	b.mustFull()
	b.redeem(1)
	ctx, kill := context.WithCancel(t.Context())
	// kill -9: nothing of the worker runs any more; its request stays with the cloud.
	dead := make(chan error, 1)
	go func() {
		begun, err := b.ledger.Begin(ctx, org, ledger.Attempt{Token: "dead", Automatic: true})
		if err != nil {
			dead <- err
			return
		}
		rows, _ := begun.Session.Due(ctx, 10)
		t.Log("the worker that will die holds", len(rows), "rows")
		_, err = b.params.Cloud.Sync(ctx, cloud.SyncRequest{BillingSyncKey: "k", CloudOrganizationID: b.remote.ID,
			Rows: []cloud.Row{{UserID: string(user(1)), Name: "n", Email: address(1)}}})
		dead <- err
	}()
	time.Sleep(time.Second)
	kill()
	<-dead
	start := time.Now()
	sweep := newSweeper(t, sweep.Params{Ledger: b.ledger, Enqueuer: waker{b}, Grace: 10 * time.Second, CloudEnabled: true})
	// miniredis has no clock of its own: the lease's end is 15 s of life
	for b.get(1).Status != "sent" && time.Since(start) < 40*time.Second {
		time.Sleep(time.Second)
		if time.Since(start) > ledger.LeaseLife {
			b.rdb.Del(t.Context(), leaseKey(b)) // what PX does
		}
		jobstest.Must(t, sweep.Wake(t.Context()))
	}
	t.Logf("taken over after %s; row is %s", time.Since(start).Round(time.Second), describe(b.get(1)))
	time.Sleep(12 * time.Second)
	c.mu.Lock()
	t.Logf("cloud rows of the member: %d, mails: %v", len(c.rows), c.mails)
	c.mu.Unlock()
	t.Log("every later sync:", b.full())
}

func leaseKey(b *bundle) string {
	keys, _ := b.rdb.Keys(context.Background(), "*:lease").Result()
	if len(keys) == 0 {
		return "none"
	}
	return keys[0]
}

func newSweeper(t *testing.T, p sweep.Params) *sweep.Sweeper {
	t.Helper()
	p.Interval, p.ForgetAfter, p.Trim = time.Hour, time.Hour, func(context.Context) error { return nil }
	made, err := sweep.New(p)
	jobstest.Must(t, err)
	return made
}

type waker struct{ b *bundle }

func (w waker) Left(context.Context, sponsorship.ID, string) (bool, error) {
	return true, w.b.pending()
}
func (w waker) Waiting(context.Context, jobs.Queue) (int, error) { return 0, nil }
func (w waker) Scheduled(context.Context, sponsorship.ID, time.Time) (bool, error) {
	return false, nil
}

func TestHostileClockAYearAhead(t *testing.T) {
	b := setup(t)
	b.redeem(1)
	b.clockOff.Store(int64(365 * 24 * time.Hour)) // one worker, one minute after a boot without NTP
	b.mustFull()
	b.clockOff.Store(0)
	_, err := b.cloud.Accept(b.remote.ID, string(user(1)))
	jobstest.Must(t, err)
	before := len(b.cloud.SyncRequests())
	for day := range 3 {
		b.clockOff.Store(int64(day) * int64(24*time.Hour))
		b.mustFull() // a person's
	}
	for _, r := range b.cloud.SyncRequests()[before:] {
		t.Log("manual full sync sent rows:", len(r.Rows))
	}
	o := b.organization()
	t.Log("row is", describe(b.get(1)), "lastSyncAt", b.get(1).LastSyncAt, "org lastSyncAt", o.LastSyncAt, "error", o.LastError)
}

func TestHostileClockAYearAheadSchedule(t *testing.T) {
	b := setup(t)
	b.clockOff.Store(int64(365 * 24 * time.Hour))
	b.mustFull()
	b.clockOff.Store(0)
	n := 0
	for day := 1; day <= 60; day++ {
		b.clockOff.Add(int64(24 * time.Hour))
		due, _, err := b.ledger.DueSyncs(t.Context(), state.Shard(org), ledger.Look{Limit: 10})
		jobstest.Must(t, err)
		n += len(due)
	}
	t.Log("scheduled syncs due within 60 days:", n, "next", b.organization().NextSyncAt)
}

func TestHostileClockAheadBackoff(t *testing.T) {
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	b.cloud.Inject(cloudtest.Unavailable().Times(1))
	b.clockOff.Store(int64(24 * time.Hour))
	t.Log(b.pending())
	b.clockOff.Store(0)
	b.redeem(2)
	err := b.pending()
	d, _ := jobs.Delay(err)
	t.Log("a worker with the right clock:", err, "waits", d)
}

func TestHostileBeginAnswerLost(t *testing.T) {
	b := setup(t)
	b.mustFull()
	b.redeem(1)
	a := ledger.Attempt{Token: "same", Automatic: true}
	_, err := b.ledger.Begin(t.Context(), org, a) // the answer is lost; go-redis repeats
	jobstest.Must(t, err)
	again, err := b.ledger.Begin(t.Context(), org, a)
	t.Logf("repeat by the holder itself: busy=%v %v", again.Busy, err)
}
