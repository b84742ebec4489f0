package cli_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestTheServersOwnJobIsAskedAboutAndShown(t *testing.T) {
	t.Parallel()
	b := setup(t).withKey()
	jobstest.Must(t, b.ledger.Connect(t.Context(), acme, state.Connection{
		CloudOrganizationID: cloudAcme, BillingSyncToken: secret.Text(token), FromVault: true,
	}))
	r := b.run("status", "--org", acme)
	requireContains(t, r.out, "after the first one: producer sync --org "+acme+" --official-job-off")
	requireAbsent(t, r.out, "Server's own job:")

	requireStatus(t, b.run("sync", "--org", acme, "--official-job-off"), 0)
	tasks := jobstest.Value(asynq.NewInspectorFromRedisClient(b.rdb).ListPendingTasks(string(jobs.QueueUrgent)))(t)
	var args jobs.Sync
	if len(tasks) != 1 || json.Unmarshal(tasks[0].Payload, &args) != nil || !args.OfficialJobOff {
		t.Errorf("enqueued %+v, want one sync with the answer", tasks)
	}

	said := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.Key(acme, ""), "officialJobOffAt", said.UnixMilli(), "officialJobOffBy", "job-1").Err())
	requireContains(t, b.run("status", "--org", acme).out, "Server's own job:   off, as somebody said 2026-11-22 12:00:00 UTC with job job-1")
	requireContains(t, b.run("status", "--org", acme, "--json").out, `"officialJobOff":{"at":"2026-11-22T12:00:00Z","jobId":"job-1"}`)
}
