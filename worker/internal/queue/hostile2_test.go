//go:build hostile

package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

func TestHostileRedisRestartsEmpty(t *testing.T) {
	red := jobstest.RealRedis(t)
	rdb, err := enqueue.NewRedis(red.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer rdb.Close()
	client := enqueue.New(rdb, enqueue.Options{})
	inspector := enqueue.NewInspector(client)
	h := handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
		return jobs.Permanent(fault.New(fault.AlreadySponsoring, "x"))
	}}
	server, err := queue.NewServer(queue.Params{Redis: rdb, Registry: h.registry(), Queue: jobs.QueueIntake, Concurrency: 4, Servers: 1,
		Curve: jobs.Curve{Base: time.Second, Max: time.Second}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	if _, err := client.Enqueue(t.Context(), redeem); err != nil { // before
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	rdb.FlushAll(t.Context()) // all data lost; nothing of ours restarts
	r, err := client.Enqueue(t.Context(), redeem)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	_, known, err := inspector.Job(t.Context(), r.ID)
	n := 0
	for range inspector.Dead(t.Context()) {
		n++
	}
	t.Logf("job that was acknowledged and died after the loss: known=%v err=%v; jobs list shows %d; archived in Redis: %d", known, err, n, rdb.ZCard(t.Context(), "asynq:{intake}:archived").Val())
	cancel()
	<-done
}
