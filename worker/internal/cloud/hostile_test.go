package cloud_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// A 200 of millions of rows that nobody asked for takes no memory beyond its own.
func TestAFloodOfRowsTakesNoMemory(t *testing.T) {
	flood := []byte(`{"sponsorshipsBatch":[` + strings.Repeat("{},", 5_000_000) + `{}]}`)
	nested := []byte(`{"other":[` + strings.Repeat("{},", 5_000_000) + `{}],"sponsorshipsBatch":[]}`)
	for name, raw := range map[string][]byte{"rows": flood, "another member": nested} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = cloud.DecodeSync(raw, map[string]bool{user1: true})
		runtime.GC()
		runtime.ReadMemStats(&after)
		if live := int64(after.HeapSys) - int64(before.HeapSys); live > 64<<20 {
			t.Errorf("%s: the heap grew by %d MiB for an answer of %d MiB", name, live>>20, len(raw)>>20)
		}
	}
}

// A redirect's host is shown only where it is letters: a terminal obeys others.
func TestAHostileRedirectIsNotQuoted(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"https://portal.example:8443/x":    " to portal.example;",
		"https://%C2%9B31m%C2%9D0;x/":      "a redirect;",
		"https://ex%1B]0;pwned%07ample/":   "a redirect;",
		"https://\u202Eelpmaxe.example/":   "a redirect;",
		"https://[fe80::1%25%1B[31m]:443/": "a redirect;",
	} {
		b := overTheNet(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Location"] = []string{location}
			w.WriteHeader(http.StatusFound)
		})
		_, err := b.Sync(t.Context(), batch())
		if failure(t, err, fault.CloudProtocolError); !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q does not hold %q", location, err, want)
		}
	}
}

// What a firewall sees of us is decided, and stands in the README.
func TestWhatAFirewallSees(t *testing.T) {
	t.Parallel()
	seen := make(chan *http.Request, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := cloud.DefaultTransport()
	transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	transport.TLSClientConfig.NextProtos = nil
	t.Cleanup(transport.CloseIdleConnections)
	b := setup(t, func(p *cloud.Params) {
		p.Transport = tokensFirst{p.Transport, transport}
		p.Config.APIURI, p.Config.Version = server.URL, "v1.2.3"
	})
	_, _ = b.Sync(t.Context(), batch())
	r := <-seen
	jobstest.Equal(t, "protocol", r.Proto, "HTTP/1.1")
	jobstest.Equal(t, "User-Agent", r.UserAgent(), "sponsorsync/v1.2.3")
}

// The cloud would say of a request that it cannot read to its end what it says of a
// bad row.
func TestARequestThatIsTooLargeDoesNotLeave(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Sync(t.Context(), batch(cloud.Row{UserID: user1, Email: address, Name: strings.Repeat("x", cloud.MaxBody)}))
	jobstest.Equal(t, "code", fault.CodeOf(err), fault.InvalidArguments)
	jobstest.Equal(t, "fate", cloud.FateOf(err), cloud.NeverLeft)
	jobstest.Equal(t, "requests", len(b.wire.to("/sync")), 0)
}
