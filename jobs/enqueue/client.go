package enqueue

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/gather"
	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/internal/tracing"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const (
	// enqueuedAtHeader travels with a job, since asynq forgets when it came.
	enqueuedAtHeader = "enqueued-at"
	// originHeader says that the job's record names who asked. It proves nothing: anybody
	// can write a header.
	originHeader = "origin"
	// timeoutMargin is how long after a job's own timeout asynq ends an
	// attempt. asynq frees the slot of a handler that still runs, so the
	// worker's timeout must come first.
	timeoutMargin = 30 * time.Second
)

// Options of a [Client]. The zero value suits production.
type Options struct {
	Now   func() time.Time // default time.Now
	NewID func() string    // default a random UUID

	// Admit may refuse jobs of these organizations before anything is stored, as
	// when a store is full; nil admits all. Syncs are always admitted: they ask
	// for something that is done when there is room.
	Admit func(context.Context, ...sponsorship.ID) error

	MaxEnded int64 // default [MaxEnded]
}

// Client puts jobs into the queue. It is safe for concurrent use.
type Client struct {
	rdb       redis.UniversalClient
	asynq     *asynq.Client // writes nothing; see encode
	inspector *asynq.Inspector
	records   *record.Store
	putScript *redis.Script
	gathered  *gather.Calls[job, outcome]
	now       func() time.Time
	newID     func() string
	admit     func(context.Context, ...sponsorship.ID) error
	ended     ended
	readers   readers
}

// New returns a client that shares rdb, which stays the caller's to close.
func New(rdb redis.UniversalClient, o Options) *Client {
	c := &Client{
		rdb: rdb, asynq: asynq.NewClientFromRedisClient(recorder{rdb}), inspector: asynq.NewInspectorFromRedisClient(Clockless(rdb)),
		records: record.New(rdb), putScript: redis.NewScript(putScript), now: o.Now, newID: o.NewID, admit: o.Admit,
	}
	c.gathered = gather.New(c.commit)
	c.ended.most = cmp.Or(o.MaxEnded, MaxEnded)
	if c.now == nil {
		c.now = time.Now
	}
	if c.newID == nil {
		c.newID = uuid.NewString
	}
	return c
}

// Receipt says under which id a job was taken.
type Receipt struct {
	ID        string
	Kind      jobs.Kind
	Duplicate bool // the job was there before; nothing was added
}

// Option of [Client.Enqueue] and [Client.EnqueueAll].
type Option func(*options)

type options struct {
	id       string
	once     Idempotency
	sequence int64
	origin   origin.Origin // of the dead job that runs again
	again    bool          // one dead job goes as this one comes
}

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// WithID enqueues one job under an id of the caller's. An id that is taken makes
// the receipt a duplicate, so an enqueue that failed can be repeated without
// harm. A batch refuses it; see [WithIdempotency].
func WithID(id string) Option { return func(o *options) { o.id = id } }

// WithIdempotency makes a repeated request answer the ids of the first.
func WithIdempotency(once Idempotency) Option { return func(o *options) { o.once = once } }

// inPlaceOf runs a dead job again. It goes to the end of its order all the same,
// but does nothing if by then a later one has taken effect.
func inPlaceOf(r record.Record) Option {
	return func(o *options) { o.sequence, o.origin, o.again = r.Sequence, r.Origin, true }
}

// Enqueue validates the arguments and puts one job in. Errors are faults:
// invalid_arguments, idempotency_key_reused, store_full, or queue_unavailable, after which
// the job may be there nevertheless; repeat with the same [WithID] or
// [WithIdempotency], or not at all.
//
// The Redis client repeats a lost command by itself, so a random id that turns
// out to be taken was taken by this very call, and is no duplicate.
func (c *Client) Enqueue(ctx context.Context, args jobs.Args, opts ...Option) (Receipt, error) {
	payload, err := jobs.Encode(args)
	if err != nil {
		return Receipt{}, err
	}
	if err := c.admitted(ctx, args); err != nil {
		return Receipt{}, err
	}
	o := collect(opts)
	if !o.again {
		if err := c.room(ctx); err != nil {
			return Receipt{}, err
		}
	}
	one := []job{newJob(o.id, args, payload)}
	one[0].trace = tracing.Parent(ctx)
	first := true
	if o.id == "" {
		if first, err = c.claim(ctx, o.once, one); err != nil {
			return Receipt{}, err
		}
	}
	one[0].sequence, one[0].origin = o.sequence, cmp.Or(o.origin, origin.Of(ctx))
	done, err := c.gathered.Do(ctx, one[0])
	if err = cmp.Or(unavailable(err, "enqueue "+string(one[0].kind)), done.err); err != nil {
		return Receipt{}, err
	}
	return Receipt{ID: one[0].id, Kind: args.Kind(), Duplicate: !first || done.taken && o.id != ""}, nil
}

// admitted asks about those jobs that will be announced when they are carried out.
func (c *Client) admitted(ctx context.Context, all ...jobs.Args) error {
	if c.admit == nil {
		return nil
	}
	var orgs []sponsorship.ID
	for _, args := range all {
		if policy, _ := args.Kind().Policy(); policy.Queue == jobs.QueueIntake && policy.Public {
			orgs = append(orgs, args.Organization())
		}
	}
	if len(orgs) == 0 {
		return nil
	}
	return c.admit(ctx, orgs...)
}

// job is what is put in: encoded, and with its id.
type job struct {
	id        string
	kind      jobs.Kind
	payload   []byte
	retention time.Duration // instead of the policy's, if that is less

	org, user sponsorship.ID // of an ordered job: whose jobs it takes its place among
	sequence  int64          // its old place, if it is a dead one that runs again
	batch     string         // the batch that holds it, and its place there
	place     int
	since     time.Time     // when it was enqueued, if that was before
	origin    origin.Origin // who asks for it; of an ordered job only
	trace     string        // the trace context of whoever asks; see internal/tracing
}

func newJob(id string, args jobs.Args, payload []byte) job {
	j := job{id: id, kind: args.Kind(), payload: payload}
	if ordered, is := args.(jobs.Ordered); is {
		j.org, j.user = ordered.Organization(), ordered.SponsorshipID()
	}
	return j
}

// unavailable makes a fault of what Redis said, or nil of nil.
func unavailable(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fault.Unavailable(err, doing)
}
