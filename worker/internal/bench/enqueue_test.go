package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// BenchmarkEnqueue puts redeems into the queue: validated, encoded and with
// their receipt by us; by the bare client from a payload that is ready, with the
// same options.
func BenchmarkEnqueue(b *testing.B) {
	for name, producers := range map[string]int{"one-at-a-time": 1, "16-at-once": 16} {
		b.Run(name, func(b *testing.B) {
			s := newStore(b)
			bare := newBareClient(b, s)
			n := size(5000)
			for b.Loop() {
				turns{rounds: 9, unit: "jobs/s",
					ours: func() float64 {
						s.empty(b)
						return s.timed(b, n, producers, func(i int) error {
							_, err := s.jobs.Enqueue(b.Context(), redeemOf(i))
							return err
						})
					},
					bare: func() float64 {
						s.empty(b)
						payload := payloadOf(b, redeemOf(0))
						return s.timed(b, n, producers, func(int) error { return bare.enqueue(jobs.KindRedeem, payload) })
					},
				}.report(b)
			}
		})
	}
}

// enqueueFile puts n redeems in as a file of them is, a thousand at a time.
func (s *store) enqueueFile(ctx context.Context, n int) error {
	for i := 0; i < n; i += enqueue.MaxBatch {
		var batch []jobs.Args
		for j := range min(enqueue.MaxBatch, n-i) {
			batch = append(batch, redeemOf(i+j))
		}
		if _, err := s.jobs.EnqueueAll(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkEnqueueBatch puts jobs in a thousand at a time; bare asynq, which knows no
// batch, one after another.
func BenchmarkEnqueueBatch(b *testing.B) {
	s := newStore(b)
	bare := newBareClient(b, s)
	n := size(10 * enqueue.MaxBatch)
	for b.Loop() {
		turns{rounds: 9, unit: "jobs/s",
			ours: func() float64 {
				s.empty(b)
				before, began := s.work(b), time.Now()
				jobstest.Must(b, s.enqueueFile(b.Context(), n))
				took := time.Since(began)
				before.reportSince(b, s, n)
				return perSecond(n, took)
			},
			bare: func() float64 {
				s.empty(b)
				payload := payloadOf(b, redeemOf(0))
				return s.timed(b, n, 1, func(int) error { return bare.enqueue(jobs.KindRedeem, payload) })
			},
		}.report(b)
	}
}

// timed puts n jobs in by some producers at once, and checks that all are there.
func (s *store) timed(b *testing.B, n, producers int, put func(i int) error) float64 {
	b.Helper()
	began := time.Now()
	var group errgroup.Group
	for p := range producers {
		group.Go(func() error {
			for i := p; i < n; i += producers {
				if err := put(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	jobstest.Must(b, group.Wait())
	took := time.Since(began)
	if got := s.rdb.LLen(b.Context(), "asynq:{intake}:pending").Val(); got != int64(n) {
		b.Fatalf("%d jobs in the queue, want %d", got, n)
	}
	return perSecond(n, took)
}

// bareClient is asynq's own, on a connection of its own, with our options.
type bareClient struct{ *asynq.Client }

func newBareClient(b *testing.B, s *store) bareClient {
	b.Helper()
	options, err := asynq.ParseRedisURI(s.server.URL)
	jobstest.Must(b, err)
	client := asynq.NewClient(options)
	b.Cleanup(func() { _ = client.Close() })
	return bareClient{client}
}

func (c bareClient) enqueue(kind jobs.Kind, payload []byte) error {
	policy, _ := kind.Policy()
	_, err := c.Enqueue(asynq.NewTask(string(kind), payload), asynq.TaskID(uuid.NewString()), asynq.Queue(string(policy.Queue)),
		asynq.MaxRetry(policy.MaxAttempts), asynq.Timeout(policy.Timeout), asynq.Retention(policy.Retention))
	return err
}

func payloadOf(b *testing.B, args jobs.Args) []byte {
	b.Helper()
	payload, err := jobs.Encode(args)
	jobstest.Must(b, err)
	return payload
}
