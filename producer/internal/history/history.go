// Package history tells how things came about, from the event stream: what happened to
// one sponsorship, and what an organization's last weeks were like.
//
// It reads and keeps counts, decides nothing, and holds no address: events have none.
// NATS being away is an error here, which whoever shows the page says.
package history

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// patience bounds one reading of the stream.
const patience = 3 * time.Second

// Entry is one change of a sponsorship.
type Entry struct {
	At         time.Time           `json:"at"`
	From       *sponsorship.Status `json:"from"` // null at first
	To         sponsorship.Status  `json:"to"`
	Intent     *sponsorship.Intent `json:"intent"` // null unless to is pending
	Revision   uint64              `json:"revision"`
	ValidUntil *time.Time          `json:"validUntil"`
	Reason     *sponsorship.Reason `json:"reason"` // what was answered, where it was not plain
	JobID      *string             `json:"jobId"`  // whose wish it was; null for what a sync found out
}

// Reader reads the stream. It is safe for concurrent use.
type Reader struct {
	js  jetstream.JetStream
	now func() time.Time

	mu     sync.Mutex
	charts map[sponsorship.ID]*tally
}

// New returns a reader.
func New(js jetstream.JetStream, now func() time.Time) *Reader {
	return &Reader{js: js, now: now, charts: map[sponsorship.ID]*tally{}}
}

// Of returns what happened to one sponsorship, by its ledger key, from the first event
// that the stream still holds (it keeps 90 days) to the last.
func (r *Reader) Of(ctx context.Context, org, user sponsorship.ID) ([]Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all := []Entry{}
	seen := map[string]bool{} // a fact may be published twice
	err := events.Recall(ctx, r.js, events.RecallOptions{Organization: org, User: user}, func(record events.Record) {
		e, err := events.Decode[events.Sponsorship](record.Payload)
		if err != nil || seen[e.ID] {
			return
		}
		seen[e.ID] = true
		all = append(all, entry(e))
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func entry(e events.Event[events.Sponsorship]) Entry {
	return Entry{
		At: e.Time.UTC(), From: view.OrNull(e.Data.From), To: e.Data.To, Intent: view.OrNull(e.Data.Intent), Revision: e.Data.Revision,
		ValidUntil: sponsorship.UTC(e.Data.ValidUntil), Reason: e.Data.Reason, JobID: view.OrNull(e.Data.JobID),
	}
}
