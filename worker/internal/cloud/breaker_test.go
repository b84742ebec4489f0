package cloud_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// hang answers never; it calls first when the request has come in.
func hang(first func()) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		httptrace.ContextClientTrace(r.Context()).WroteHeaders()
		first()
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
}

func TestOutageCostsOneProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.wire.api = always(503, "")
		for range 3 {
			_, err := b.Sync(t.Context(), batch())
			if e := failure(t, err, fault.CloudUnavailable); e.Status != 503 {
				t.Fatalf("status %d, want the cloud's", e.Status)
			}
		}
		time.Sleep(5 * time.Second)
		waits := b.limiter.waits
		_, err := b.Sync(t.Context(), batch())
		if e := failure(t, err, fault.CloudUnavailable); e.Status != 0 || e.RetryAfter != 10*time.Second {
			t.Errorf("got %+v, want no call and 10 s to go", e)
		}
		if b.limiter.waits != waits {
			t.Error("a call that is not sent took a turn")
		}

		time.Sleep(10*time.Second + time.Millisecond)
		b.wire.api = func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return response(502, ""), nil
		}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				_, err := b.Sync(t.Context(), batch())
				if e := failure(t, err, fault.CloudUnavailable); e.Status == 0 && e.RetryAfter != 15*time.Second {
					t.Errorf("beside the probe: retry after %s", e.RetryAfter)
				}
			})
		}
		group.Wait()
		if n := len(b.wire.to("/sync")); n != 4 {
			t.Errorf("%d calls, want 3 and one probe", n)
		}

		time.Sleep(15*time.Second + time.Millisecond)
		b.wire.api = always(200, emptyBatch)
		for range 2 {
			if _, err := b.Sync(t.Context(), batch()); err != nil {
				t.Fatalf("after the outage: %v", err)
			}
		}
	})
}

func TestOutagesOfIdentityCount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wire.token = always(502, "")
	for range 5 {
		_, err := b.Sync(t.Context(), batch())
		failure(t, err, fault.CloudUnavailable)
	}
	if n := len(b.wire.to("/connect/token")); n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
}

func TestWhatIsNoOutageKeepsTheCircuitClosed(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*http.Request) (*http.Response, error){
		"poisoned batch": always(500, bitwarden("An unhandled server error has occurred.")),
		"refused":        always(400, bitwarden("Invalid organization")),
		"limited":        always(429, ""),
		"page":           always(200, "<html>"),
	}
	for name, api := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.wire.api = api
			for range 6 {
				if _, err := b.Sync(t.Context(), batch()); err == nil {
					t.Fatal("no error")
				}
			}
			if n := len(b.wire.to("/sync")); n != 6 {
				t.Errorf("%d calls, want 6", n)
			}
		})
	}
}

func TestAProbeThatWasGivenUpIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.wire.api = always(504, "")
		for range 3 {
			_, err := b.Sync(t.Context(), batch())
			failure(t, err, fault.CloudUnavailable)
		}
		time.Sleep(15*time.Second + time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		b.wire.api = hang(cancel)
		if _, err := b.Sync(ctx, batch()); fault.CodeOf(err) != "" {
			t.Fatalf("got %v, want the cancellation", err)
		}
		b.wire.api = always(504, "")
		for range 2 { // the next probe, and one call too early: giving up proved nothing about the cloud
			_, err := b.Sync(t.Context(), batch())
			failure(t, err, fault.CloudUnavailable)
		}
		if n := len(b.wire.to("/sync")); n != 5 {
			t.Errorf("%d calls, want 3, the probe given up, and one more", n)
		}
	})
}

func TestTimeoutIsAnOutageAndNotTheCallersDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.wire.api = hang(func() {})
		start := time.Now()
		_, err := b.Sync(t.Context(), batch())
		e := failure(t, err, fault.CloudUnavailable)
		if !e.Outage || e.Status != 0 || time.Since(start) != 30*time.Second {
			t.Errorf("got %+v after %s", e, time.Since(start))
		}
		if e.Fault.Cause != nil {
			t.Errorf("the cause %v looks like the caller's own deadline", e.Fault.Cause)
		}
	})
}

// of is an empty batch of the n-th organization.
func of(n int) cloud.SyncRequest {
	r := batch()
	r.CloudOrganizationID = fmt.Sprintf("bbbbbbbb-2222-4222-8222-%012d", n)
	return r
}

// hangFor answers nobody who is one of these.
func hangFor(orgs ...cloud.SyncRequest) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		text, _ := io.ReadAll(body)
		for _, org := range orgs {
			if strings.Contains(string(text), org.CloudOrganizationID) {
				return hang(func() {})(r)
			}
		}
		return response(200, emptyBatch), nil
	}
}

func TestSlowBatchesOfOneOrganizationStopNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.wire.api = hangFor(of(1))
		for range 6 {
			_, err := b.Sync(t.Context(), of(1))
			failure(t, err, fault.CloudUnavailable)
		}
		if _, err := b.Sync(t.Context(), of(2)); err != nil {
			t.Errorf("another organization: %v", err)
		}
	})
}

func TestSlowBatchesBesideAnswersAreNoOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.wire.api = hangFor(of(1), of(2), of(3))
		var group sync.WaitGroup
		for n := range 3 {
			group.Go(func() {
				_, err := b.Sync(t.Context(), of(n+1))
				if e := failure(t, err, fault.CloudUnavailable); e.Outage {
					t.Errorf("organization %d: an outage, while others are served", n+1)
				}
			})
		}
		time.Sleep(time.Second)
		if _, err := b.Sync(t.Context(), of(4)); err != nil {
			t.Error(err)
		}
		group.Wait()
		if _, err := b.Sync(t.Context(), of(4)); err != nil {
			t.Errorf("after three slow batches: %v", err)
		}
	})
}

func TestACloudThatAnswersNobodyIsAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.wire.api = hang(func() {})
		for n := range 3 {
			_, err := b.Sync(t.Context(), of(n))
			failure(t, err, fault.CloudUnavailable)
		}
		calls := func() int { return len(b.wire.to("/sync")) }
		if _, err := b.Sync(t.Context(), of(4)); err == nil || calls() != 3 {
			t.Fatalf("%d calls, want 3 and no more: %v", calls(), err)
		}
		for range 2 { // a probe counts, whoever it is for
			time.Sleep(15*time.Second + time.Millisecond)
			_, _ = b.Sync(t.Context(), of(2))
			_, _ = b.Sync(t.Context(), of(2))
		}
		if calls() != 5 {
			t.Errorf("%d calls, want two probes more", calls())
		}
	})
}
