package relay

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/sponsorsync/sponsorsync/internal/tracing"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/events"
)

// comeBack is the pause after failures in a row. The longest is short, because it
// is also how long events wait after an outage.
var comeBack = jobs.Curve{Base: 100 * time.Millisecond, Max: 5 * time.Second}

// report logs a problem when it begins and when all are over, not at every try.
func (r *Relay) report(shard int, err error) {
	if err == nil {
		if r.problems.over(shard) {
			r.p.Log.Info().Msg("events flow again")
		}
		return
	}
	if r.p.Metrics.Failed != nil {
		r.p.Metrics.Failed()
	}
	if r.problems.begin(shard, err.Error()) {
		r.p.Log.Warn().Err(err).Int("shard", shard).Msg("events wait in the outbox")
	}
}

// published counts what the stream has, and what it had before this relay first
// sent it.
func (r *Relay) published(entries, strange int) {
	if r.p.Metrics.Published != nil && entries > 0 {
		r.p.Metrics.Published(entries)
	}
	if strange == 0 {
		return
	}
	if r.p.Metrics.Duplicate != nil {
		r.p.Metrics.Duplicate(strange)
	}
	r.noticed[0].Do(func() {
		r.p.Log.Warn().Int("events", strange).Msg("the stream had events before this worker first sent them: " +
			"another worker, or this one before it was restarted, sent them; or the ledger was put back. Counted in sponsorsync_events_duplicate_total from here on")
	})
}

// trace tells of an event that belongs to a trace.
func (r *Relay) trace(ctx context.Context, e events.Encoded, began time.Time, err error) {
	parent := e.Trace()
	if r.p.Traces == nil || parent == "" {
		return
	}
	_, end := tracing.Begin(tracing.Under(ctx, parent), r.p.Traces, tracing.Span{
		Name: "publish", Kind: trace.SpanKindProducer, Began: began, Attrs: []attribute.KeyValue{
			attribute.String("messaging.system", "nats"), attribute.String("messaging.destination.name", e.Subject),
			attribute.String("messaging.message.id", e.ID),
		},
	})
	end(err)
}

// foreign counts what was set aside.
func (r *Relay) foreign(shard, entries int) {
	if entries == 0 {
		return
	}
	if r.p.Metrics.SetAside != nil {
		r.p.Metrics.SetAside(entries)
	}
	r.noticed[1].Do(func() {
		r.p.Log.Error().Int("shard", shard).Int("entries", entries).Msg("something else than sponsorsync writes to the outbox: " +
			"such entries are not published, but kept in sponsorsync:{SHARD}:outbox:aside. Counted in sponsorsync_events_set_aside_total from here on")
	})
}

// problems remembers what is wrong with which shard. The zero value is ready.
type problems struct {
	mu   sync.Mutex
	text map[int]string
}

// begin reports whether no shard has this problem yet.
func (t *problems) begin(shard int, text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := false
	for _, other := range t.text {
		known = known || other == text
	}
	if t.text == nil {
		t.text = make(map[int]string)
	}
	t.text[shard] = text
	return !known
}

// over reports whether this shard was the last one with a problem.
func (t *problems) over(shard int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, was := t.text[shard]
	delete(t.text, shard)
	return was && len(t.text) == 0
}
