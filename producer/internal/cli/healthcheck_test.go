package cli_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/config/boot"
)

func TestHealthcheckAsksTheProgramOfThisMachine(t *testing.T) {
	t.Parallel()
	ready := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(ready.Close)
	at := strings.TrimPrefix(ready.URL, "http://")
	for _, tt := range []struct {
		environ []string
		args    []string
		status  int
		says    string
	}{
		{[]string{"SPONSORSYNC_LISTEN=" + at}, []string{"healthcheck"}, boot.Done, ""},
		{[]string{"SPONSORSYNC_BRIDGE_LISTEN=" + at, "SPONSORSYNC_LISTEN=127.0.0.1:1"}, []string{"healthcheck", "--bridge"}, boot.Done, ""},
		{[]string{"SPONSORSYNC_LISTEN=127.0.0.1:1"}, []string{"healthcheck"}, boot.Failed, "nothing listens at 127.0.0.1:1 (SPONSORSYNC_LISTEN)"},
		{nil, []string{"healthcheck", "--bridge"}, boot.Usage, "SPONSORSYNC_BRIDGE_LISTEN is not set"},
		{[]string{"SPONSORSYNC_LISTEN=nonsense"}, []string{"healthcheck"}, boot.Usage, "SPONSORSYNC_LISTEN"},
	} {
		var out, stderr buffer
		got := program(tt.environ, strings.NewReader(""), &out, &stderr).Run(t.Context(), tt.args)
		if got != tt.status || !strings.Contains(stderr.String(), tt.says) {
			t.Errorf("%v with %v: status %d\n%s", tt.args, tt.environ, got, stderr.String())
		}
	}
}
