package e2e_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// TestNATSAway at the start, and once more later: jobs go on, events wait
// in the outbox, and all arrive in their order.
func TestNATSAway(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 2, hasty...)
	l.nats.Kill()
	l.worker()
	l.redeem(l.orgs[0], 0, 100)
	l.started()
	l.settled(deadline)
	if n := l.waiting(); n < 200 { // pending and sent
		t.Errorf("%d events wait in the outbox, want at least 200", n)
	}
	if long() {
		<-time.After(2 * time.Minute)
	}
	l.natsBack()
	l.drained()

	l.nats.Kill()
	l.redeem(l.orgs[1], 100, 200)
	l.settled(deadline)
	jobstest.Must(t, l.change(t.Context(), 150))
	l.jobsDone(deadline)
	l.settled(deadline)
	if n := l.waiting(); n < 200 {
		t.Errorf("%d events wait in the outbox, want at least 200", n)
	}
	l.natsBack()
	l.check()
}

// natsBack starts NATS again and waits until the test's own connection is back.
func (l *lab) natsBack() {
	l.t.Helper()
	l.nats.Restart()
	jobstest.Eventually(l.t, deadline, l.js.Conn().IsConnected)
}

func (l *lab) waiting() int64 {
	l.t.Helper()
	n, err := l.ledger.OutboxLength(l.t.Context())
	jobstest.Must(l.t, err)
	return n
}

// TestAcknowledgementsLost: the stream has the events, the relay does not
// know, and publishes them again under their ids.
func TestAcknowledgementsLost(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	p := l.behind("NATS_URL", l.nats.URL)
	w := l.worker()
	l.started()
	l.drained()
	p.swallow(true)
	l.redeem(l.orgs[0], 0, 20)
	l.settled(deadline)
	jobstest.Eventually(t, deadline, func() bool { return w.metric("sponsorsync_relay_failures_total") > 0 })
	if l.waiting() == 0 {
		t.Error("events left the outbox without an acknowledgement")
	}
	p.swallow(false)
	p.cut() // what hangs would only be noticed after half a minute
	l.check()
}

// TestStreamDeleted, once in silence and once while somebody listens to
// the subjects without JetStream, which makes a missing stream look like a slow
// one. It comes back, with all that had not been published.
func TestStreamDeleted(t *testing.T) {
	t.Parallel()
	for name, listen := range map[string]bool{"nobody listens": false, "a subscriber without JetStream": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setupFaults(t, 1, hasty...)
			w := l.worker()
			l.started()
			l.drained()
			if listen {
				_, err := l.js.Conn().Subscribe("sponsorsync.>", func(*nats.Msg) {})
				jobstest.Must(t, err)
				jobstest.Must(t, l.js.Conn().Flush())
			}
			jobstest.Must(t, l.js.DeleteStream(t.Context(), events.StreamName))
			l.redeem(l.orgs[0], 0, 20)
			l.check()
			if w.metric("sponsorsync_events_published_total") == 0 {
				t.Error("nothing was counted as published")
			}
		})
	}
}

// TestPublishedAgainAfterTheDuplicateWindow: what a relay leaves behind
// that died between the stream's acknowledgement and the outbox, for longer than
// the stream remembers ids. A subscriber can still tell: the id, the payload and
// the revision are those that it has seen.
func TestPublishedAgainAfterTheDuplicateWindow(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	l.worker()
	l.started()
	l.redeem(l.orgs[0], 0, 1)
	l.check()

	stream, err := l.js.Stream(t.Context(), events.StreamName)
	jobstest.Must(t, err)
	narrow := stream.CachedInfo().Config
	narrow.Duplicates = 100 * time.Millisecond
	stream, err = l.js.UpdateStream(t.Context(), narrow)
	jobstest.Must(t, err)
	first := l.messages(stream, stream.CachedInfo().State.Msgs)
	jobstest.Eventually(t, deadline, func() bool {
		l.leaveBehind(first)
		l.drained()
		info, err := stream.Info(t.Context())
		jobstest.Must(t, err)
		return info.State.Msgs >= uint64(2*len(first))
	})
	l.checkRepeats(first, l.messages(stream, uint64(2*len(first))))
}

// leaveBehind puts published events into the outbox once more.
func (l *lab) leaveBehind(published []jetstream.Msg) {
	l.t.Helper()
	for _, m := range published {
		jobstest.Must(l.t, l.rdb.XAdd(l.t.Context(), &redis.XAddArgs{
			Stream: fmt.Sprintf("sponsorsync:{%02d}:outbox", state.Shard(org)),
			Values: []any{"v", 1, "event", m.Data()},
		}).Err())
	}
}

func (l *lab) checkRepeats(first, all []jetstream.Msg) {
	l.t.Helper()
	known := map[string][]byte{}
	for _, m := range first {
		known[m.Headers().Get(jetstream.MsgIDHeader)] = m.Data()
	}
	for _, m := range all {
		if id := m.Headers().Get(jetstream.MsgIDHeader); !bytes.Equal(known[id], m.Data()) {
			l.t.Errorf("event %s came again as another one", id)
		}
	}
	var story []sponsorship.Status
	revision := uint64(0)
	for _, m := range all {
		if e, err := events.Decode[events.Sponsorship](m.Data()); err == nil && e.Data.Revision > revision {
			revision, story = e.Data.Revision, append(story, e.Data.To)
		}
	}
	if !slices.Equal(story, []sponsorship.Status{sponsorship.Pending, sponsorship.Sent}) {
		l.t.Errorf("without old news the story is %v", story)
	}
}
