package boot_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/config/boot"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/not", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"redis":"away"}`, http.StatusServiceUnavailable)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, tt := range []struct{ listen, path, says string }{
		{"127.0.0.1:" + port, "/ready", ""},
		{"0.0.0.0:" + port, "/ready", ""}, // who listens everywhere is here
		{":" + port, "/ready", ""},
		{"127.0.0.1:" + port, "/not", `answers 503 Service Unavailable: {"redis":"away"}`},
		{"127.0.0.1:1", "/ready", "nothing listens at 127.0.0.1:1 (SOME_LISTEN)"},
		{"[::]:1", "/ready", "[::1]:1"},
		{"nonsense", "/ready", "SOME_LISTEN"},
	} {
		err := boot.Probe{Listen: tt.listen, Setting: "SOME_LISTEN", Path: tt.path}.Ask(t.Context())
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s%s: got %v, want %q", tt.listen, tt.path, err, tt.says)
		}
	}
}
