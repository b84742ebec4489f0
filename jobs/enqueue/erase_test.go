package enqueue_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const otherMember sponsorship.ID = "0b0b0b0b-ab5d-4bb3-9b7a-000000000002"

func (b bundle) put(t *testing.T, args jobs.Args) string {
	t.Helper()
	return jobstest.Value(b.client.Enqueue(t.Context(), args))(t).ID
}

// everyState leaves jobs of the member that are done, running, waiting, dead and
// scheduled, with an address in each, and returns the id of the one that runs.
func (b bundle) everyState(t *testing.T) string {
	t.Helper()
	done := b.put(t, redeem("ann@example.com"))
	running := b.put(t, redeem("ann@example.com"))
	var begun atomic.Int64
	finish := make(chan struct{})
	server := asynq.NewServerFromRedisClient(b.rdb, asynq.Config{
		Concurrency: 1, Queues: map[string]int{string(jobs.QueueIntake): 1}, LogLevel: asynq.FatalLevel,
		TaskCheckInterval: 5 * time.Millisecond, Logger: silentLog{},
	})
	jobstest.Must(t, server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		if begun.Add(1) > 1 {
			<-finish
		}
		return nil
	})))
	t.Cleanup(func() { close(finish); server.Shutdown() })
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		s, found, err := b.inspector.Job(t.Context(), running)
		first, _, _ := b.inspector.Job(t.Context(), done)
		return err == nil && found && s.State == enqueue.StateActive && first.State == enqueue.StateDone
	})
	b.put(t, redeem("ann@example.com"))
	b.archive(t, jobs.QueueIntake, b.put(t, jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: member, SponsoredEmail: "ann@example.org"}))
	_, err := b.asynqClient().EnqueueContext(t.Context(), asynq.NewTask("of another release",
		[]byte(`{"organizationId":"`+string(org)+`","organizationUserId":"`+string(member)+`","address":"ann@example.net"}`)),
		asynq.Queue(string(jobs.QueueIntake)), asynq.ProcessIn(time.Hour))
	jobstest.Must(t, err)
	return running
}

// tasks is all that the queue keeps of jobs.
func (b bundle) tasks(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, key := range jobstest.Value(b.rdb.Keys(t.Context(), "asynq:*:t:*").Result())(t) {
		all.WriteString(jobstest.Value(b.rdb.HGet(t.Context(), key, "msg").Result())(t))
	}
	return all.String()
}

func (b bundle) asynqClient() *asynq.Client { return asynq.NewClientFromRedisClient(b.rdb) }

func TestErasePersonDropsWhateverStateTheJobIsIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	running := b.everyState(t)
	other := jobs.Redeem{OrganizationID: org, OrganizationUserID: otherMember, SponsoredEmail: "bob@example.com"}
	kept := []string{b.put(t, other), b.put(t, jobs.Sync{OrganizationID: org}),
		b.put(t, jobs.Redeem{OrganizationID: org, OrganizationUserID: member, SponsoredEmail: "eve@example.com", AdminInitiated: true})}

	erased, err := b.inspector.Erase(t.Context(), enqueue.Subject{Organization: org, Key: member})
	jobstest.Must(t, err)
	jobstest.Equal(t, "dropped", erased.Dropped, 4)
	if len(erased.Running) != 1 || erased.Running[0] != running {
		t.Errorf("running %v, want %s", erased.Running, running)
	}
	for _, id := range kept {
		if _, found, err := b.inspector.Job(t.Context(), id); err != nil || !found {
			t.Errorf("job %s of somebody else is gone (%v)", id, err)
		}
	}
	dump := b.tasks(t)
	for _, address := range []string{"ann@example.org", "ann@example.net"} {
		if strings.Contains(dump, address) {
			t.Errorf("%s is still in Redis", address)
		}
	}
	if n := strings.Count(dump, "ann@example.com"); n != 1 {
		t.Errorf("the address stands %d times in Redis, want once: in the job that runs", n)
	}
}

// The key of an adopted sponsorship is the cloud's, whoever initiated it.
func TestErasePersonDropsTheAdoptionOfWhatAnAdminInitiated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(t, jobs.Adopt{OrganizationID: org, OrganizationUserID: member, SponsoredEmail: "eve@example.com", AdminInitiated: true})
	erased, err := b.inspector.Erase(t.Context(), enqueue.Subject{Organization: org, Key: member})
	jobstest.Must(t, err)
	jobstest.Equal(t, "dropped", erased.Dropped, 1)
}

func TestEraseOrganizationDropsAllOfIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 230 {
		b.put(t, redeem("ann@example.com"))
	}
	b.put(t, jobs.Sync{OrganizationID: org})
	another := b.put(t, jobs.Sync{OrganizationID: "7f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"})
	erased, err := b.inspector.Erase(t.Context(), enqueue.Subject{Organization: org})
	jobstest.Must(t, err)
	jobstest.Equal(t, "dropped", erased.Dropped, 231)
	jobstest.Equal(t, "left to intake", b.count(t, jobs.QueueIntake), 0)
	if _, found, err := b.inspector.Job(t.Context(), another); err != nil || !found {
		t.Errorf("another organization's job is gone (%v)", err)
	}
}

type silentLog struct{}

func (silentLog) Debug(...any) {}
func (silentLog) Info(...any)  {}
func (silentLog) Warn(...any)  {}
func (silentLog) Error(...any) {}
func (silentLog) Fatal(...any) {}
