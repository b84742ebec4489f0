//go:build hostile

package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/intake"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/pipeline"
	"github.com/sponsorsync/sponsorsync/worker/internal/queue"
)

const hOrg = sponsorship.ID("10000000-0000-4000-8000-000000000001")

// As worker/work.go wires intake: 4 loops, 16 handlers. Each member: redeem A, and 1 ms later change to B, then to C;
// acknowledged one after the other by one hook.
func TestHostileOrderOfOneMembersJobs(t *testing.T) {
	red := jobstest.RealRedis(t)
	client, _ := enqueue.NewRedis(red.URL)
	defer client.Close()
	conv := pipeline.New(*client.Options())
	defer conv.Close()
	sealer, _ := state.NewSealer(make([]byte, 32))
	ledger := ledger.New(conv, sealer)
	q := enqueue.New(client, enqueue.Options{})
	in, err := intake.New(intake.Params{Ledger: ledger, Waker: enqueue.NewSystem(q)})
	if err != nil {
		t.Fatal(err)
	}
	r := queue.NewRegistry()
	queue.Handle(r, in.Redeem)
	queue.Handle(r, in.ChangeSponsorship)
	queue.Handle(r, func(context.Context, jobs.Job[jobs.Sweep]) error { return nil })
	server, err := queue.NewServer(queue.Params{Redis: conv, Registry: r, Queue: jobs.QueueIntake, Concurrency: 16, Servers: 4,
		Curve: jobs.Curve{Base: time.Second, Max: time.Minute}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	time.Sleep(300 * time.Millisecond)
	const members = 500
	id := func(n int) sponsorship.ID { return sponsorship.ID(fmt.Sprintf("20000000-0000-4000-8000-%012d", n)) }
	put := func(a jobs.Args) {
		if _, err := q.Enqueue(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for n := range members {
		put(jobs.Redeem{OrganizationID: hOrg, OrganizationUserID: id(n), SponsoredEmail: "a@example.com"})
		put(jobs.ChangeSponsorship{OrganizationID: hOrg, OrganizationUserID: id(n), SponsoredEmail: "b@example.com"})
		put(jobs.ChangeSponsorship{OrganizationID: hOrg, OrganizationUserID: id(n), SponsoredEmail: "c@example.com"})
	}
	for {
		d, err := enqueue.Depths(t.Context(), client)
		if err == nil && d[0].Queue == jobs.QueueIntake && d[0].Pending+d[0].Active+d[0].Retry == 0 {
			t.Logf("dead: %d", d[0].Archived)
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	got := map[string]int{}
	for n := range members {
		s, _ := ledger.Get(t.Context(), hOrg, id(n))
		got[s[0].Email]++
	}
	t.Logf("last wish was c@ for all %d; the ledger will mail: %v", members, got)

	// redeem, then revoke
	for n := range members {
		put(jobs.Redeem{OrganizationID: hOrg, OrganizationUserID: id(n + 1000), SponsoredEmail: "a@example.com"})
		put(jobs.ChangeSponsorship{OrganizationID: hOrg, OrganizationUserID: id(n + 1000), Revoke: true})
	}
	time.Sleep(3 * time.Second)
	st := map[string]int{}
	for n := range members {
		s, _ := ledger.Get(t.Context(), hOrg, id(n+1000))
		st[string(s[0].Status)]++
	}
	t.Logf("revoked last by the admin: %d; the ledger says: %v", members, st)
	// the worker was away for an hour; one member's redeem (10:00) and revocation (10:10) wait, nothing else
	bad := 0
	for n := range 40 {
		client.Set(t.Context(), "asynq:{intake}:paused", "1", 0)
		time.Sleep(300 * time.Millisecond)
		put(jobs.Redeem{OrganizationID: hOrg, OrganizationUserID: id(n + 5000), SponsoredEmail: "a@example.com"})
		put(jobs.ChangeSponsorship{OrganizationID: hOrg, OrganizationUserID: id(n + 5000), Revoke: true})
		client.Del(t.Context(), "asynq:{intake}:paused")
		time.Sleep(500 * time.Millisecond)
		if s, _ := ledger.Get(t.Context(), hOrg, id(n+5000)); s[0].Status != sponsorship.Removed {
			bad++
		}
	}
	t.Logf("two jobs of one member waiting for a worker: in %d of 40 trials the revocation was lost and the offer goes out", bad)
	cancel()
	<-done
}
