package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

const (
	heartbeat    = 15 * time.Second // less than the idle timeout of common proxies
	eventWait    = 30 * time.Second // for a reader to take one write
	reconnectMS  = 2000
	streamHeader = "Last-Event-ID"
)

// getEvents streams an organization's events. An id is the sequence in the
// stream, so any process can resume what another has begun.
func (a *API) getEvents(w http.ResponseWriter, r *http.Request) error {
	org, err := organization(r)
	if err != nil {
		return err
	}
	after, err := lastEventID(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	records := make(chan events.Record)
	go func() {
		defer close(records)
		_ = a.p.Hub.follow(ctx, org, after, func(r events.Record) error { return send(ctx, records, r) })
	}()
	out := newStream(w)
	beat := time.NewTicker(a.beat)
	defer beat.Stop()
	out.pump(ctx, records, a.p.Hub, alive{beat.C, func() bool {
		_, err := a.p.Access.Recheck(r)
		return fault.CodeOf(err) != fault.Unauthorized
	}})
	cancel()
	for range records { // wait for follow to end
	}
	return nil
}

func send(ctx context.Context, to chan<- events.Record, r events.Record) error {
	select {
	case to <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lastEventID reads the header that browsers send when they reconnect, or the
// parameter by which a page says where its own knowledge ends. Nil is from now on.
func lastEventID(r *http.Request) (*uint64, error) {
	field, text := streamHeader, r.Header.Get(streamHeader)
	if text == "" {
		field, text = "lastEventId", r.URL.Query().Get("lastEventId")
	}
	if text == "" {
		return nil, nil
	}
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, view.Invalid(field, "must be the id of an event of this stream")
	}
	return &id, nil
}

// stream writes server-sent events.
type stream struct {
	w    http.ResponseWriter
	ctrl *http.ResponseController
}

// newStream lifts the server's deadlines, which are for answers that end. Each
// write has one of its own instead, so that a reader who stopped reading does
// not keep a goroutine forever.
func newStream(w http.ResponseWriter) *stream {
	s := &stream{w: w, ctrl: http.NewResponseController(w)}
	_ = s.ctrl.SetReadDeadline(time.Time{}) // best effort: some writers have no deadlines
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	return s
}

// alive is when to look after a reader, and whether it may still read.
type alive struct {
	beat     <-chan time.Time
	signedIn func() bool
}

// pump ends when the reader is gone or has signed out, the source ends, or the process does.
func (s *stream) pump(ctx context.Context, records <-chan events.Record, hub *Hub, reader alive) {
	delay := newLateness(hub)
	err := s.write("retry: %d\n\n", reconnectMS)
	for err == nil {
		select {
		case <-ctx.Done():
			return
		case <-hub.done:
			return
		case <-reader.beat:
			if !reader.signedIn() {
				return
			}
			err = s.write(": still here\n\n")
		case <-delay.turned:
			err = s.state(delay.look())
		case <-delay.timer.C:
			err = s.state(delay.expire())
		case r, open := <-records:
			if !open {
				return
			}
			err = s.event(r)
		}
	}
}

// state tells a reader what has become of the stream itself. It has no id, so a
// reader that resumes does so behind the last event.
func (s *stream) state(word string) error {
	if word == "" {
		return nil
	}
	return s.write("event: state\ndata: {\"state\":%q}\n\n", word)
}

// event writes the document on one line, as the format wants it.
func (s *stream) event(r events.Record) error {
	var data bytes.Buffer
	if err := json.Compact(&data, r.Payload); err != nil {
		return nil // a stranger's message; it was told of when it was read
	}
	name := strings.NewReplacer("\r", "", "\n", "").Replace(r.Event.Type)
	return s.write("id: %d\nevent: %s\ndata: %s\n\n", r.Sequence, name, data.Bytes())
}

func (s *stream) write(format string, args ...any) error {
	_ = s.ctrl.SetWriteDeadline(time.Now().Add(eventWait))
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return err
	}
	return s.ctrl.Flush()
}
