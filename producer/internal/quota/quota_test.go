package quota_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/quota"
)

func setup(t *testing.T) quota.Quota {
	t.Helper()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	rdb := jobstest.Value(enqueue.NewRedis(stack.RedisURL()))(t)
	t.Cleanup(func() { jobstest.Must(t, rdb.Close()) })
	return quota.Quota{Redis: rdb, Ledger: state.New(rdb, jobstest.Value(state.NewSealer(bytes.Repeat([]byte("k"), 32)))(t))}
}

func org(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("11111111-1111-4111-8111-%012d", n))
}

func TestHooksNameSoManyUnconnectedOrganizations(t *testing.T) {
	t.Parallel()
	q := setup(t)
	var many []sponsorship.ID
	for n := range quota.DailyStrangers {
		many = append(many, org(n))
	}
	_ = jobstest.Value(q.Admit(t.Context(), len(many), many...))(t)
	_ = jobstest.Value(q.Admit(t.Context(), 2, org(3), org(4)))(t) // known by now
	_, err := q.Admit(t.Context(), 1, org(1000))
	jobstest.Equal(t, "one too many", fault.CodeOf(err), fault.ConnectionMissing)
	jobstest.Must(t, q.Ledger.Connect(t.Context(), org(1000), state.Connection{CloudOrganizationID: org(1), BillingSyncToken: "token"}))
	_ = jobstest.Value(q.Admit(t.Context(), 1, org(1000)))(t)
	_, err = q.Admit(t.Context(), 1, org(1001))
	jobstest.Equal(t, "still one too many", fault.CodeOf(err), fault.ConnectionMissing)
}

func TestHooksAskForSoManyJobs(t *testing.T) {
	t.Parallel()
	q := setup(t)
	for range quota.HourlyJobs / 1000 {
		_ = jobstest.Value(q.Admit(t.Context(), 1000, org(1)))(t)
	}
	wait, err := q.Admit(t.Context(), 1, org(1))
	jobstest.Equal(t, "one too many", fault.CodeOf(err), fault.TooManyRequests)
	if wait <= 0 || wait > time.Hour {
		t.Errorf("there is room again in %v", wait)
	}
	q.Redis.Del(t.Context(), "sponsorsync:{hooks}:jobs") // the hour is over
	_ = jobstest.Value(q.Admit(t.Context(), 1, org(1)))(t)
}
