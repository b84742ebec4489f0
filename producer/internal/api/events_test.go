package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// message is one server-sent event.
type message struct{ id, event, data string }

// reader is a browser's end of an event stream.
type reader struct {
	lines *bufio.Scanner
	body  io.Closer
}

// listen opens a stream and returns when it is open.
func (b *bundle) listen(t *testing.T, org sponsorship.ID, lastID string) *reader {
	t.Helper()
	return b.listenAs(t, org, map[string]string{"Authorization": "Bearer " + apiToken, "Last-Event-ID": lastID})
}

func (b *bundle) listenAs(t *testing.T, org sponsorship.ID, header map[string]string) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	url := b.url + "/v1/organizations/" + string(org) + "/events"
	request := jobstest.Value(http.NewRequestWithContext(ctx, http.MethodGet, url, nil))(t)
	for name, text := range header {
		request.Header.Set(name, text)
	}
	response := jobstest.Value((&http.Transport{DisableKeepAlives: true}).RoundTrip(request))(t)
	t.Cleanup(func() { _ = response.Body.Close() })
	jobstest.Equal(t, "status", response.StatusCode, http.StatusOK)
	jobstest.Equal(t, "content type", response.Header.Get("Content-Type"), "text/event-stream")
	jobstest.Equal(t, "cache", response.Header.Get("Cache-Control"), "no-store")
	r := &reader{bufio.NewScanner(response.Body), response.Body}
	r.lines.Scan() // "retry:": the stream is open
	return r
}

// next returns the next event, or false at the end of the stream.
func (r *reader) next() (m message, ok bool) {
	for r.lines.Scan() {
		field, text, _ := strings.Cut(r.lines.Text(), ": ")
		switch field {
		case "":
			if m.data != "" { // else a heartbeat, or the first line
				return m, true
			}
		case "id":
			m.id = text
		case "event":
			m.event = text
		case "data":
			m.data = text
		}
	}
	return m, false
}

// waitForListeners waits until the hub has so many.
func (b *bundle) waitForListeners(t *testing.T, n int) {
	t.Helper()
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		return strings.Contains(string(b.get(t, "/metrics").body), fmt.Sprintf("sponsorsync_event_streams %d\n", n))
	})
}

func TestEventsOfOneOrganizationFromNowOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, acme, user1, 1)
	b.waitForPosition(t, 1)
	r := b.listen(t, acme, "")
	b.waitForListeners(t, 1)
	b.publish(t, bravo, user1, 1)
	b.publish(t, acme, user1, 2)
	m, _ := r.next()
	jobstest.Equal(t, "id", m.id, "3")
	jobstest.Equal(t, "event", m.event, "sponsorsync.sponsorship.sent")
	var e events.Event[events.Sponsorship]
	jobstest.Must(t, json.Unmarshal([]byte(m.data), &e))
	jobstest.Equal(t, "subject", e.Subject, string(acme)+"/"+string(user1))
	jobstest.Equal(t, "revision", e.Data.Revision, 2)
	jobstest.Must(t, r.body.Close())
	b.waitForListeners(t, 0)
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.Beat(10 * time.Millisecond)
	signIn := httptest.NewRequest("POST", "/login", nil)
	session := jobstest.Value(b.access.SignIn(signIn, apiToken))(t)
	browser, program := b.listenAs(t, acme, map[string]string{"Cookie": session.String()}), b.listen(t, acme, "")
	b.waitForListeners(t, 2)
	for range 5 { // signs of life
		browser.lines.Scan()
		jobstest.Equal(t, "still here", browser.lines.Scan(), true)
	}
	signIn.AddCookie(session)
	jobstest.Must(t, b.access.SignOut(signIn))
	b.waitForListeners(t, 1)
	if m, open := browser.next(); open {
		t.Errorf("got %v, want the end", m)
	}
	jobstest.Must(t, program.body.Close())
}

func (b *bundle) waitForPosition(t *testing.T, want uint64) {
	t.Helper()
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		got, known := b.hub.Position()
		return known && got == want
	})
}

func TestEventsResumeWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for revision := range uint64(50) {
		b.publish(t, acme, user1, revision+1)
		b.publish(t, bravo, user1, revision+1)
	}
	r := b.listen(t, acme, "41") // 1, 3, 5 ... are ours
	done := make(chan struct{})
	go func() { // more arrive while the gap is being filled
		defer close(done)
		for revision := range uint64(50) {
			b.publish(t, acme, user1, revision+51)
		}
	}()
	var want []string
	for id := 43; id < 100; id += 2 {
		want = append(want, fmt.Sprint(id))
	}
	for id := 101; id <= 150; id++ {
		want = append(want, fmt.Sprint(id))
	}
	for _, id := range want {
		m, ok := r.next()
		if !ok || m.id != id {
			t.Fatalf("got %q, %v, want event %s", m.id, ok, id)
		}
	}
	<-done
}

func TestEventsAfterTheStreamWasMadeAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, acme, user1, 1)
	r := b.listen(t, acme, "5000")
	m, _ := r.next()
	jobstest.Equal(t, "id", m.id, "1")
}

// A reader that has fallen behind is cut off, and misses nothing when it comes back.
func TestSlowReaderIsDroppedAndResumes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	slow := &stuck{ResponseRecorder: httptest.NewRecorder(), free: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.handler.ServeHTTP(slow, authorized(httptest.NewRequest("GET", "/v1/organizations/"+string(acme)+"/events", nil)))
	}()
	b.waitForListeners(t, 1)
	b.waitForPosition(t, 0)
	const count = 400
	for i := range uint64(count) {
		b.publish(t, acme, user1, i+1)
	}
	b.waitForListeners(t, 0) // dropped, though it never answered
	b.waitForPosition(t, count)
	close(slow.free)
	<-ended
	r := &reader{lines: bufio.NewScanner(slow.Body)}
	last := 0
	for m, ok := r.next(); ok; m, ok = r.next() {
		last++
		jobstest.Equal(t, "id", m.id, fmt.Sprint(last))
	}
	if last == 0 || last >= count {
		t.Fatalf("the slow reader saw %d of %d events before it was dropped", last, count)
	}
	again := b.listen(t, acme, fmt.Sprint(last))
	for i := last; i < count; i++ {
		m, ok := again.next()
		if !ok || m.id != fmt.Sprint(i+1) {
			t.Fatalf("after resuming: got %q, %v, want event %d", m.id, ok, i+1)
		}
	}
}

func TestASlowReplayMakesRoomForOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, acme, user1, 1)
	b.publish(t, acme, user1, 2)
	b.waitForPosition(t, 2)
	b.hub.Hurry(time.Nanosecond)
	recorder := httptest.NewRecorder()
	r := authorized(httptest.NewRequest("GET", "/v1/organizations/"+string(acme)+"/events", nil))
	r.Header.Set("Last-Event-ID", "1")
	b.handler.ServeHTTP(recorder, r) // it ends, and the client comes again
	jobstest.Equal(t, "replays", b.hub.Replays(), 0)
	if strings.Contains(recorder.Body.String(), "id: 2") {
		t.Errorf("nothing was too slow:\n%s", recorder.Body)
	}
	b.hub.Hurry(jobstest.Timeout)
	if m, ok := b.listen(t, acme, "1").next(); !ok || m.id != "2" {
		t.Errorf("got %q, %v", m.id, ok)
	}
}

// stuck takes the first line and then nothing until it is freed, like a
// connection whose buffers are full.
type stuck struct {
	*httptest.ResponseRecorder
	free chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.Body.Len() > 0 {
		<-s.free
	}
	return s.ResponseRecorder.Write(p)
}

func authorized(r *http.Request) *http.Request {
	r.Header.Set("Authorization", "Bearer "+apiToken)
	return r
}

func TestOneConsumerFeedsManyBrowsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var readers []*reader
	for range 20 {
		readers = append(readers, b.listen(t, acme, ""))
	}
	b.waitForListeners(t, 20)
	b.waitForPosition(t, 0)
	b.publish(t, acme, user1, 1)
	for _, r := range readers {
		m, _ := r.next()
		jobstest.Equal(t, "id", m.id, "1")
	}
	stream := jobstest.Value(b.js.Stream(t.Context(), events.StreamName))(t)
	jobstest.Equal(t, "consumers", stream.CachedInfo().State.Consumers, 1)
}

func TestEventStreamsEndWithTheProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.listen(t, acme, "")
	b.waitForListeners(t, 1)
	b.stopHub()
	if m, ok := r.next(); ok {
		t.Errorf("got %v, want the end", m)
	}
}

func TestEventsWaitForAStreamThatDoesNotExistYet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.js.DeleteStream(t.Context(), events.StreamName))
	r := b.listen(t, acme, "0")
	jobstest.Must(t, events.EnsureStream(t.Context(), b.js, events.Settings{}))
	b.publish(t, acme, user1, 1)
	m, _ := r.next()
	jobstest.Equal(t, "id", m.id, "1")
}

func TestEventsRefuseWhatIsInvalid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := "/v1/organizations/" + string(acme) + "/events"
	a := b.do(t, call{method: "GET", path: base, header: map[string]string{"Last-Event-ID": "x"}})
	jobstest.Equal(t, "field", a.problem(t).Errors[0].Field, "Last-Event-ID")
	a = b.get(t, base+"?lastEventId=-1")
	jobstest.Equal(t, "field", a.problem(t).Errors[0].Field, "lastEventId")
	jobstest.Equal(t, "status", b.get(t, "/v1/organizations/x/events").status, http.StatusBadRequest)
}
