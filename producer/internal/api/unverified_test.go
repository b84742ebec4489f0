package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// claim sends the headers of a request whose body never comes.
func (b *bundle) claim(t *testing.T, headers map[string]string) *bufio.Reader {
	t.Helper()
	conn := jobstest.Value(net.Dial("tcp", strings.TrimPrefix(b.url, "http://")))(t)
	t.Cleanup(func() { _ = conn.Close() })
	var head strings.Builder
	for name, value := range headers {
		fmt.Fprintf(&head, "%s: %s\r\n", name, value)
	}
	_, err := fmt.Fprintf(conn, "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 2097152\r\n%s\r\n", &head)
	jobstest.Must(t, err)
	return bufio.NewReader(conn)
}

// What no body could make right is refused before one is read.
func TestAHopelessSignatureIsRefusedWithoutItsBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := signed(t, secret, syncJob, 0)
	for name, change := range map[string]map[string]string{
		"no id":        {"webhook-id": ""},
		"no timestamp": {"webhook-timestamp": ""},
		"of 1970":      {"webhook-timestamp": "1"},
		"a long id":    {"webhook-id": strings.Repeat("k", 256)},
	} {
		headers := map[string]string{}
		for k, v := range good {
			headers[k] = v
		}
		for k, v := range change {
			headers[k] = v
		}
		response := jobstest.Value(http.ReadResponse(b.claim(t, headers), nil))(t)
		jobstest.Must(t, response.Body.Close())
		jobstest.Equal(t, name, response.StatusCode, http.StatusUnauthorized)
	}
}

// Bodies that nobody has vouched for yet are few at a time, and the bearer of the
// token has nothing to do with that.
func TestUnverifiedBodiesAreFewAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := signed(t, secret, syncJob, 0)
	for range 16 {
		b.claim(t, good)
	}
	var a answer
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		a = b.do(t, call{method: "POST", path: "/v1/jobs", body: syncJob, header: good, anonymous: true})
		return a.status == http.StatusTooManyRequests
	})
	jobstest.Equal(t, "code", a.problem(t).Code, fault.TooManyRequests)
	jobstest.Equal(t, "again after", a.header.Get("Retry-After"), "1")
	jobstest.Equal(t, "the bearer", b.post(t, syncJob, nil).status, http.StatusAccepted)
}

// Who can sign cannot take an idempotency key away from who has the token.
func TestHookIDsAreNoIdempotencyKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.do(t, call{method: "POST", path: "/v1/jobs", body: syncJob, header: signed(t, secret, syncJob, 0), anonymous: true})
	jobstest.Equal(t, "hook", hook.status, http.StatusAccepted)
	other := strings.Replace(syncJob, `"sync"`, `"sync-license"`, 1)
	jobstest.Equal(t, "bearer", b.post(t, other, map[string]string{"Idempotency-Key": "msg_1"}).status, http.StatusAccepted)
}

func TestASignatureAloneNamesFewUnconnectedOrganizations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := make([]string, 101)
	for i := range batch {
		batch[i] = strings.Replace(syncJob, "11111111-1111", fmt.Sprintf("%08d-1111", i), 1)
	}
	body := "[" + strings.Join(batch, ",") + "]"
	a := b.do(t, call{method: "POST", path: "/v1/jobs", body: body, header: signed(t, secret, body, 0), anonymous: true})
	jobstest.Equal(t, "status", a.status, http.StatusNotFound)
	jobstest.Equal(t, "code", a.problem(t).Code, fault.ConnectionMissing)
	jobstest.Equal(t, "jobs", b.jobCount(t), 0)
	jobstest.Equal(t, "the bearer", b.post(t, body, nil).status, http.StatusAccepted)
}
