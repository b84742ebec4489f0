package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// raw puts a task into a queue behind the client's back.
func (l *lab) raw(q jobs.Queue, kind, payload string) (id string) {
	l.t.Helper()
	info, err := asynq.NewClientFromRedisClient(l.rdb).EnqueueContext(l.t.Context(),
		asynq.NewTask(kind, []byte(payload)), asynq.Queue(string(q)), asynq.TaskID(newID()))
	jobstest.Must(l.t, err)
	return info.ID
}

// dead waits until a job is dead and returns the reason.
func (l *lab) dead(id string) *fault.Error {
	l.t.Helper()
	var status enqueue.Status
	jobstest.Eventually(l.t, deadline, func() bool {
		var err error
		status, _, err = l.inspector.Job(l.t.Context(), id)
		return err == nil && status.State == enqueue.StateDead
	})
	return status.LastError
}

// TestPoisonousJobs: what nobody can carry out is dead at the first
// attempt, says why, and holds nobody up.
func TestPoisonousJobs(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	l.worker()
	l.started()
	poison := map[string]string{
		"an unknown kind":          l.raw(jobs.QueueIntake, "redeem-all", `{}`),
		"a kind's prefix":          l.raw(jobs.QueueIntake, "sync:extra", fmt.Sprintf(`{"organizationId":%q}`, org)),
		"an unknown kind of sync":  l.raw(jobs.QueueCloud, "sync-everything", `{}`),
		"no JSON":                  l.raw(jobs.QueueIntake, "redeem", "\xff\xfe{"),
		"nothing":                  l.raw(jobs.QueueUrgent, "sync", ""),
		"another type":             l.raw(jobs.QueueIntake, "redeem", `{"organizationId":7}`),
		"an unknown field":         l.raw(jobs.QueueUrgent, "sync", fmt.Sprintf(`{"organizationId":%q,"force":true}`, org)),
		"an address that is none":  l.raw(jobs.QueueIntake, "redeem", fmt.Sprintf(`{"organizationId":%q,"organizationUserId":%q,"sponsoredEmail":"secret.example.com"}`, org, user(99))),
		"a second value behind it": l.raw(jobs.QueueUrgent, "sync", fmt.Sprintf(`{"organizationId":%q}{}`, org)),
	}
	l.redeem(l.orgs[0], 0, 20)
	for what, id := range poison {
		reason := l.dead(id)
		if reason.Code != fault.InvalidArguments || reason.Message == "" || strings.Contains(reason.Message, "secret") {
			t.Errorf("%s: dead because of %q: %q", what, reason.Code, reason.Message)
		}
	}
	l.jobsDone(deadline)
	l.check()
	listed := l.producer("", "jobs", "list").ok()
	for what, id := range poison {
		if !strings.Contains(listed.out, id) {
			t.Errorf("%s is not among the dead jobs:\n%s", what, listed.out)
		}
	}
}

// TestADamagedMessageIsSetAside: a job whose message Redis gives back damaged. asynq
// cannot read it, and must go on to recover the others.
func TestADamagedMessageIsSetAside(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	trap := l.behind("REDIS_URL", l.redis.URL).trap("asynq:{intake}:processed", false)
	victim := l.worker()
	damaged := newID()
	jobstest.Must(t, l.rdb.HSet(t.Context(), "asynq:{intake}:t:"+damaged, "msg", "\xff\xff\xff", "state", "pending").Err())
	jobstest.Must(t, l.rdb.LPush(t.Context(), "asynq:{intake}:pending", damaged).Err())
	jobstest.Eventually(t, deadline, func() bool { return l.rdb.LLen(t.Context(), "asynq:{intake}:pending").Val() == 0 })
	l.redeem(l.orgs[0], 0, 1) // carried out, but the queue is not told
	l.sprung(trap)
	victim.kill()
	l.leasesExpire()
	l.worker()
	l.redeem(l.orgs[0], 1, 10)
	l.sync(l.orgs[0])
	l.jobsDone(deadline)
	l.check()
}

// TestOneRequestAHundredTimes, all at once: the same ids for all of them,
// one effect, and another body under the same key is refused.
func TestOneRequestAHundredTimes(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	l.worker()
	l.started()
	batch := make([]jobs.Args, 5)
	for n := range batch {
		batch[n] = jobs.Redeem{OrganizationID: org, OrganizationUserID: user(n), SponsoredEmail: address(n)}
		l.members[n] = &member{org: org, status: sponsorship.Sent, mailed: []string{address(n)}}
	}
	once := enqueue.Idempotency{Key: "hook-1", BodyHash: "one body"}
	answers := make([][]enqueue.Receipt, 100)
	var calls sync.WaitGroup
	for i := range answers {
		calls.Go(func() {
			var err error
			if answers[i], err = l.queue.EnqueueAll(t.Context(), batch, enqueue.WithIdempotency(once)); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	firsts := 0
	for _, receipts := range answers {
		same := slices.EqualFunc(receipts, answers[0], func(a, b enqueue.Receipt) bool { return a.ID == b.ID && a.Kind == b.Kind })
		if !same {
			t.Fatalf("got %v and %v for one request", answers[0], receipts)
		}
		if !receipts[0].Duplicate {
			firsts++
		}
	}
	if firsts != 1 {
		t.Errorf("%d of the requests were told to be the first", firsts)
	}
	once.BodyHash = "another body"
	if _, err := l.queue.EnqueueAll(t.Context(), batch, enqueue.WithIdempotency(once)); fault.CodeOf(err) != fault.IdempotencyKeyReused {
		t.Errorf("another body: %v, want idempotency_key_reused", err)
	}
	for _, r := range answers[0] {
		l.acked = append(l.acked, r.ID)
	}
	l.jobsDone(deadline)
	l.check()
}

// TestManyDeadJobs: more than asynq can forget at once, which would ruin
// the job that is dying then. The sweep forgets the old ones in time, the others
// can all be listed.
func TestManyDeadJobs(t *testing.T) {
	t.Parallel()
	const old, recent = 9000, 2500
	l := setupFaults(t, 1, hasty...)
	l.worker()
	model := l.raw(jobs.QueueIntake, "unheard-of", "{}")
	l.dead(model)
	// An older version keeps no record of its own.
	r, _, err := record.New(l.rdb).Find(t.Context(), model)
	jobstest.Must(t, err)
	jobstest.Must(t, record.New(l.rdb).Delete(t.Context(), r))
	l.copyDead(model, old, time.Now().AddDate(0, 0, -91))
	l.copyDead(model, recent, time.Now().AddDate(0, 0, -1))

	jobstest.Must(t, enqueue.NewSystem(l.queue).Sweep(t.Context(), 1))
	archived := func() int { return int(l.rdb.ZCard(t.Context(), "asynq:{intake}:archived").Val()) }
	jobstest.Eventually(t, deadline, func() bool { return archived() == recent+1 })
	if n := len(l.rdb.Keys(t.Context(), "asynq:{intake}:t:old-*").Val()); n != recent {
		t.Errorf("%d copies are left, want %d", n, recent)
	}
	last := l.raw(jobs.QueueIntake, "redeem", "{")
	l.dead(last)
	if reason := l.dead(last); reason.Code != fault.InvalidArguments {
		t.Errorf("reason %v", reason)
	}
	listed := l.producer("", "jobs", "list", "--json").ok()
	if n := strings.Count(listed.out, model); n != recent+1 { // the copies tell the model's id
		t.Errorf("%d dead jobs are listed, want %d", n, recent+1)
	}
	if !strings.Contains(listed.out, last) {
		t.Error("the last one is not listed")
	}
}

// copyDead puts copies of a dead job into the archive.
func (l *lab) copyDead(id string, n int, died time.Time) {
	l.t.Helper()
	hash, err := l.rdb.HGetAll(l.t.Context(), "asynq:{intake}:t:"+id).Result()
	jobstest.Must(l.t, err)
	_, err = l.rdb.Pipelined(l.t.Context(), func(pipe redis.Pipeliner) error {
		for range n {
			copied := "old-" + newID()
			pipe.HSet(l.t.Context(), "asynq:{intake}:t:"+copied, hash)
			pipe.ZAdd(l.t.Context(), "asynq:{intake}:archived", redis.Z{Score: float64(died.Unix()), Member: copied})
		}
		return nil
	})
	jobstest.Must(l.t, err)
}

// TestOldAndNewVersionsTogether: a worker takes the jobs of an older
// producer, which sets none of our options, and works on records that an older or
// a newer worker wrote. What a newer one added, it reads past but does not keep;
// a job with a field that it does not know it refuses, since half of a wish is worse
// than none: update workers first.
func TestOldAndNewVersionsTogether(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	l.worker()
	l.redeem(l.orgs[0], 0, 3)
	l.pending()
	rows := fmt.Sprintf("sponsorsync:{%02d}:org:%s:rows", state.Shard(org), org)
	l.rewrite(rows, 0, func(record map[string]any) { delete(record, "wire"); delete(record, "jobId") })
	l.rewrite(rows, 1, func(record map[string]any) { record["color"] = map[string]any{"of": "the future"} })
	l.members[3] = &member{org: org, status: sponsorship.Sent, mailed: []string{address(3)}}
	l.raw(jobs.QueueIntake, "redeem", fmt.Sprintf(`{"organizationId":%q,"organizationUserId":%q,"sponsoredEmail":%q}`, org, user(3), address(3)))
	l.raw(jobs.QueueUrgent, "sync", fmt.Sprintf(`{"organizationId":%q}`, org))
	l.check()
	l.noneDead()
}

// rewrite changes a record as another version might have written it.
func (l *lab) rewrite(rows string, n int, edit func(record map[string]any)) {
	l.t.Helper()
	value, err := l.rdb.HGet(l.t.Context(), rows, string(user(n))).Result()
	jobstest.Must(l.t, err)
	parts := strings.SplitN(value, " ", 3)
	var record map[string]any
	jobstest.Must(l.t, json.Unmarshal([]byte(parts[2]), &record))
	edit(record)
	text, err := json.Marshal(record)
	jobstest.Must(l.t, err)
	jobstest.Must(l.t, l.rdb.HSet(l.t.Context(), rows, string(user(n)), parts[0]+" "+parts[1]+" "+string(text)).Err())
}
