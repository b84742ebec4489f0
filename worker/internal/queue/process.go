package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/internal/tracing"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// errNoResult is the reason of a job that never came to an end by itself.
var errNoResult = errors.New("no attempt came to an end: each time the worker was killed, lost Redis, or had to be cut off")

// delivery is one try of one job.
type delivery struct {
	id      string
	kind    jobs.Kind
	policy  jobs.Policy
	payload []byte
	attempt int // 1 on the first try
	version int // of the job's form; 0 if it does not say

	headers            map[string]string // what travels with the job
	hasOrigin          bool              // its record names who asked for it
	enqueuedAt         time.Time
	organization, user sponsorship.ID // once decoded; user only of a job that keeps an order
	trace              string         // the id of the trace it belongs to, or ""
}

// newerDelay is how soon a job that only a newer worker can read is offered again.
const newerDelay = 10 * time.Second

func deliveryOf(ctx context.Context, task *asynq.Task) delivery {
	d := delivery{kind: jobs.Kind(task.Type()), payload: task.Payload()}
	d.id, _ = asynq.GetTaskID(ctx)
	failures, _ := asynq.GetRetryCount(ctx)
	d.attempt = failures + 1
	return d.with(task.Headers())
}

// with fills in what travels with the job.
func (d delivery) with(headers map[string]string) delivery {
	d.headers = headers
	d.version, _ = strconv.Atoi(headers[jobs.VersionHeader])
	d.enqueuedAt = enqueue.EnqueuedAt(headers)
	d.hasOrigin = enqueue.HasOrigin(headers)
	d.policy, _ = d.kind.Policy()
	return d
}

// about notes whom the job is about.
func (d delivery) about(args jobs.Args) delivery {
	d.organization = args.Organization()
	if ordered, is := args.(jobs.Ordered); is {
		d.user = ordered.SponsorshipID()
	}
	return d
}

// process is asynq's handler of all kinds.
func (s *Server) process(ctx context.Context, task *asynq.Task) error {
	s.running.Add(1)
	defer s.running.Add(-1)
	began := s.p.Now()
	d := deliveryOf(ctx, task)
	err := s.attempt(ctx, &d)
	v := decide(err, situation{
		attempt: d.attempt, maxAttempts: d.policy.MaxAttempts,
		draining: s.handlers.Err() != nil, curve: s.p.Curve, rnd: s.p.Rand(),
	})
	switch v.outcome {
	case OutcomeDead:
		v = s.bury(ctx, d, v)
	case OutcomeInterrupted:
		s.cut.Add(1)
	}
	took := s.p.Now().Sub(began)
	s.report(d, v, took)
	s.p.Observe(string(d.kind), v.outcome, took)
	return v.result()
}

// attempt runs the job below the span of whoever asked for it.
func (s *Server) attempt(ctx context.Context, d *delivery) error {
	ctx, end := tracing.Begin(tracing.Under(ctx, d.headers[tracing.Header]), s.p.Traces, tracing.Span{
		Name: "run " + string(d.kind), Kind: trace.SpanKindConsumer,
		Attrs: []attribute.KeyValue{
			attribute.String("messaging.system", "asynq"), attribute.String("messaging.destination.name", string(d.policy.Queue)),
			attribute.String("messaging.message.id", d.id), attribute.Int("sponsorsync.attempt", d.attempt),
		},
	})
	d.trace = tracing.ID(ctx)
	err := s.carryOut(ctx, d)
	if jobs.IsSnooze(err) { // it goes on later, and nothing has failed
		end(nil)
	} else {
		end(err)
	}
	return err
}

func (s *Server) carryOut(ctx context.Context, d *delivery) error {
	if d.version > jobs.BatchVersion {
		return jobs.Snooze(newerDelay, "a newer version of sponsorsync enqueued this: update this worker; the job is left to a newer one until then")
	}
	if d.kind == jobs.KindBatch {
		return s.batch(ctx, *d)
	}
	handler, found := s.p.Registry.handlers[d.kind]
	if !found {
		return jobs.Permanent(fault.New(fault.InvalidArguments, "no handler for jobs of kind %q", d.kind))
	}
	args, err := jobs.Decode(d.kind, d.payload)
	if err != nil {
		return jobs.Permanent(err)
	}
	*d = d.about(args)
	if d.attempt > d.policy.MaxAttempts { // the spare try
		return jobs.Permanent(errNoResult)
	}
	ctx, cancel := context.WithTimeout(ctx, d.policy.Timeout)
	defer cancel()
	defer context.AfterFunc(s.handlers, cancel)()
	if d.hasOrigin {
		who, err := s.records.Origin(ctx, d.organization, d.id)
		if err != nil {
			return err
		}
		ctx = origin.With(ctx, who)
	}
	return s.recovered(*d, func() error { return handler(ctx, *d, args) })
}

// buryAgain is how soon a job that could not be written down as dead runs again.
const buryAgain = 5 * time.Second

// bury writes down that a job is dead before asynq gives it up, which keeps ten
// thousand of them. If that fails, it is not dead yet: it runs again and will come
// to the same end. The system's own jobs are enqueued anew by whoever needs them.
func (s *Server) bury(ctx context.Context, d delivery, v decision) decision {
	if _, known := d.kind.Policy(); known && !d.policy.Public {
		return v
	}
	err := s.records.Bury(context.WithoutCancel(ctx), record.Record{
		ID: d.id, Kind: d.kind, Organization: d.organization, User: d.user, Attempts: min(d.attempt, max(d.policy.MaxAttempts, 1)),
		Reason: fault.Parse(v.Error()), Args: d.payload, EnqueuedAt: d.enqueuedAt,
	})
	if err != nil {
		return decision{OutcomeSnoozed, err, buryAgain}
	}
	return v
}

// recovered turns a panic into an error. The panic's own text goes to the log
// only, for nobody knows what it holds.
func (s *Server) recovered(d delivery, call func() error) (err error) {
	defer func() {
		if x := recover(); x != nil {
			s.p.Log.Error().Str("kind", string(d.kind)).Str("job_id", d.id).
				Str("panic", fmt.Sprint(x)).Bytes("stack", debug.Stack()).Msg("handler panicked")
			err = errors.New("the handler panicked; the worker's log has the stack")
		}
	}()
	return call()
}
