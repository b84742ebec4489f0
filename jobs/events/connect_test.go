package events_test

import (
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// A token of NATS stands where a URL has its user, which is no reason to show it.
func TestNobodyIsToldTheURLsCredentials(t *testing.T) {
	t.Parallel()
	const token = "hunter2"
	server := jobstest.ConfiguredNATS(t, "authorization { token: "+token+" }")
	back := make(chan string, 1)
	js := jobstest.Value(events.Connect(events.Connection{
		URL: "nats://" + token + "@" + server.URL, Name: t.Name(), Reconnected: func(server string) { back <- server },
	}))(t)
	t.Cleanup(js.Conn().Close)
	jobstest.Eventually(t, jobstest.Timeout, js.Conn().IsConnected)
	jobstest.Equal(t, "server", events.ServerOf(js.Conn()), "nats://"+server.URL)
	server.Restart()
	jobstest.Equal(t, "told when it came back", next(t, back), "nats://"+server.URL)
	if _, err := events.Connect(events.Connection{URL: "nats://" + token + "@host:port"}); err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("a URL that cannot be read: %v", err)
	}
}
