//go:build hostile

package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

var _ = errors.New

func TestHostileMoreThanTenThousandDead(t *testing.T) {
	red := jobstest.RealRedis(t)
	rdb, err := enqueue.NewRedis(red.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer rdb.Close()
	client := enqueue.New(rdb, enqueue.Options{})
	inspector := enqueue.NewInspector(client)
	h := handlers{redeem: func(context.Context, jobs.Job[jobs.Redeem]) error {
		return jobs.Permanent(fault.New(fault.AlreadySponsoring, "redeem: the member already sponsors another address"))
	}}
	const total = 12000
	var ids []string
	for i := 0; i < total; i += 1000 {
		var batch []jobs.Args
		for n := range 1000 {
			batch = append(batch, jobs.Redeem{OrganizationID: org, OrganizationUserID: sponsorship.ID(fmt.Sprintf("0b0b0b0b-ab5d-4bb3-9b7a-%012d", i+n)), SponsoredEmail: "a@example.com"})
		}
		receipts, err := client.EnqueueAll(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range receipts {
			ids = append(ids, r.ID)
		}
	}
	server, err := queue.NewServer(queue.Params{Redis: rdb, Registry: h.registry(), Queue: jobs.QueueIntake, Concurrency: 16, Servers: 4,
		Curve: jobs.Curve{Base: time.Second, Max: time.Second}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	for {
		d, err := enqueue.Depths(t.Context(), rdb)
		if err != nil {
			t.Fatal(err)
		}
		if d[0].Pending+d[0].Active == 0 || d[1].Pending+d[1].Active == 0 && d[0].Pending+d[0].Active == 0 {
			t.Logf("%+v", d[0])
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	cancel()
	<-done
	found, lost := 0, 0
	for _, id := range ids {
		_, ok, err := inspector.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			found++
		} else {
			lost++
		}
	}
	t.Logf("of %d acknowledged jobs that died, %d are visible, %d are gone without a trace (GET /v1/jobs/{id} says 404)", total, found, lost)
}
