package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// TestACloudByItselfKnowsTheServerOfTheEnvFile starts it as compose.yaml does, and
// asks it for an access token as that server.
func TestACloudByItselfKnowsTheServerOfTheEnvFile(t *testing.T) {
	t.Parallel()
	const id, key = "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f", "a-key-that-was-asked-for"
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	command := commands(write)
	command.SetArgs([]string{"cloud", "--listen", "127.0.0.1:0", "--installation", id, "--key", key, "--token", "a-token"})
	go func() { ended <- command.ExecuteContext(ctx); write.Close() }()
	seen := map[string]string{}
	for seen["DEVSTACK_READY"] == "" {
		name, value, _ := strings.Cut(line(t, read), "=")
		seen[name] = value
	}
	if seen["DEVSTACK_BILLING_SYNC_TOKEN"] != "a-token" || seen["DEVSTACK_CLOUD_ORGANIZATION_ID"] == "" {
		t.Errorf("it says %v", seen)
	}
	for secret, want := range map[string]int{key: http.StatusOK, "another": http.StatusBadRequest} {
		answer := jobstest.Value(http.PostForm(seen["DEVSTACK_CLOUD_URL"]+"/connect/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {"installation." + id}, "client_secret": {secret}, "scope": {"api.installation"},
		}))(t)
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("with the key %q: %s, want %d", secret, answer.Status, want)
		}
	}
	stop()
	jobstest.Must(t, <-ended)
}

// line reads up to the end of a line, and no further.
func line(t *testing.T, from io.Reader) string {
	t.Helper()
	var text []byte
	for next := make([]byte, 1); ; {
		jobstest.Value(io.ReadFull(from, next))(t)
		if next[0] == '\n' {
			return string(text)
		}
		text = append(text, next[0])
	}
}
