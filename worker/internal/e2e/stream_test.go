package e2e_test

import (
	"bytes"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// drained waits until the outbox is empty.
func (s *system) drained() {
	s.t.Helper()
	jobstest.Eventually(s.t, deadline, func() bool {
		n, err := s.ledger.OutboxLength(s.t.Context())
		return err == nil && n == 0
	})
}

// told is what the stream holds: the story of each sponsorship by id, with equal
// ids dropped, and every message as it is.
type told struct {
	stories map[sponsorship.ID][]events.Event[events.Sponsorship]
	raw     [][]byte
}

// stream reads everything, and checks what holds for every event: no id twice,
// revisions in order, no address, no secret.
func (s *system) stream() told {
	s.t.Helper()
	s.drained()
	stream, err := s.js.Stream(s.t.Context(), events.StreamName)
	jobstest.Must(s.t, err)
	all := told{stories: map[sponsorship.ID][]events.Event[events.Sponsorship]{}}
	state := stream.CachedInfo().State
	seen := map[string]bool{}
	for _, m := range s.messages(stream, state.Msgs) {
		id := m.Headers().Get("Nats-Msg-Id")
		if seen[id] || id == "" {
			s.t.Fatalf("event id %q twice, or empty", id)
		}
		seen[id] = true
		all.raw = append(all.raw, m.Data())
		for _, secret := range []string{"@example", s.remote.BillingSyncKey, s.remote.LicenseKey} {
			if bytes.Contains(m.Data(), []byte(secret)) {
				s.t.Fatalf("an event holds an address or a secret: %s", m.Data())
			}
		}
		if e, err := events.Decode[events.Sponsorship](m.Data()); err == nil {
			story := all.stories[e.Data.OrganizationUserID]
			if len(story) > 0 && story[len(story)-1].Data.Revision >= e.Data.Revision {
				s.t.Fatalf("revision %d follows %d", e.Data.Revision, story[len(story)-1].Data.Revision)
			}
			all.stories[e.Data.OrganizationUserID] = append(story, e)
		}
	}
	return all
}

// messages reads the first n. It removes its consumer: tests look at the stream
// thousands of times, and a server keeps a bounded number of consumers.
func (s *system) messages(stream jetstream.Stream, n uint64) []jetstream.Msg {
	s.t.Helper()
	consumer, err := stream.CreateConsumer(s.t.Context(), jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	jobstest.Must(s.t, err)
	defer func() { jobstest.Must(s.t, stream.DeleteConsumer(s.t.Context(), consumer.CachedInfo().Name)) }()
	var all []jetstream.Msg
	for uint64(len(all)) < n {
		batch, err := consumer.Fetch(int(min(n-uint64(len(all)), 500)), jetstream.FetchMaxWait(10*time.Second))
		jobstest.Must(s.t, err)
		for m := range batch.Messages() {
			all = append(all, m)
		}
		jobstest.Must(s.t, batch.Error())
	}
	return all
}

// path is a sponsorship's story as a list of statuses.
func path(story []events.Event[events.Sponsorship]) []sponsorship.Status {
	var all []sponsorship.Status
	for _, e := range story {
		all = append(all, e.Data.To)
	}
	return all
}
