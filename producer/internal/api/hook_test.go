package api_test

import (
	"bytes"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// What somebody has who has a shell and nothing else.
func TestTheShellHookIsUnderstood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	send := func(secret, body string) (string, error) {
		hook := exec.CommandContext(t.Context(), "sh", "../../../scripts/hook.sh", b.url)
		hook.Env = append(hook.Environ(), "SPONSORSYNC_HOOK_SECRET="+secret)
		hook.Stdin = strings.NewReader(body)
		var out bytes.Buffer
		hook.Stdout, hook.Stderr = &out, &out
		err := hook.Run()
		return out.String(), err
	}
	body := "{\"kind\": \"redeem\",\n \"args\": {\"organizationId\": \"" + string(acme) + "\", \"organizationUserId\": \"" + string(acme) +
		"\", \"sponsoredEmail\": \"mum@example.com\", \"friendlyName\": \"Mum's $HOME \\\"ü\\\" %s\"}}\n"
	out, err := send(secret, body)
	if err != nil || !strings.Contains(out, `"duplicate":false`) {
		t.Fatalf("%v: %s", err, out)
	}
	jobstest.Equal(t, "jobs", b.jobCount(t), 1)
	out, err = send("whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA==", body)
	if err == nil || !strings.Contains(out, "does not match") || !strings.Contains(out, http.StatusText(http.StatusUnauthorized)) {
		t.Errorf("with another secret: %v: %s", err, out)
	}
}
