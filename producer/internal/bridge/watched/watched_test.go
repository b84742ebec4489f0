package watched_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/metricsdoc"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/watched"
)

func get(e *watched.Endpoints, path string) (int, string) {
	answer := httptest.NewRecorder()
	e.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer.Code, answer.Body.String()
}

func TestABridgeIsReadyWhileItsLooksComeToTheirEnd(t *testing.T) {
	t.Parallel()
	e := watched.New()
	if status, body := get(e, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "starting") {
		t.Errorf("before the first round: %d %s", status, body)
	}
	const private = "hunter2"
	for _, tt := range []struct {
		round  error
		status int
		word   string
	}{
		{nil, http.StatusOK, "following"},
		{bridge.ErrElsewhere, http.StatusOK, "waiting"},
		{fault.New(fault.BridgeDatabaseUnavailable, "password %s", private), http.StatusServiceUnavailable, "bridge_database_unavailable"},
		{errors.New(private), http.StatusServiceUnavailable, "failed"},
	} {
		e.Metrics().Round(tt.round)
		status, body := get(e, "/readyz")
		if status != tt.status || !strings.Contains(body, tt.word) || strings.Contains(body, private) {
			t.Errorf("after %v: %d %s", tt.round, status, body)
		}
	}
	e.Metrics().Working(true)
	e.Metrics().Failed("bridge_database_unavailable")
	e.Metrics().Enqueued("redeem")
	e.Metrics().Wrote("update", vault.Written)
	status, body := get(e, "/metrics")
	metricsdoc.Check(t, metricsdoc.Bridge, []byte(body))
	if status != http.StatusOK || !strings.Contains(body, "sponsorsync_bridge_working 1") {
		t.Errorf("metrics: %d %s", status, body)
	}
	if status, _ := get(e, "/healthz"); status != http.StatusOK {
		t.Errorf("a bridge that cannot look lives all the same; got %d", status)
	}
}

func TestAnAddressThatIsTakenIsSaid(t *testing.T) {
	t.Parallel()
	taken := httptest.NewServer(nil)
	t.Cleanup(taken.Close)
	err := watched.New().Serve(t.Context(), taken.Listener.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "SPONSORSYNC_BRIDGE_LISTEN") {
		t.Errorf("got %v", err)
	}
}
