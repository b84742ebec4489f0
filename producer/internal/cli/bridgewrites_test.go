package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// An admin lets the first write through, and sees what was written.
func TestTheFirstWriteNamesTheBackupAndAsks(t *testing.T) {
	t.Parallel()
	v := setupVault(t, offered(1))
	for i, setting := range v.environ {
		v.environ[i] = strings.Replace(setting, "SPONSORSYNC_BRIDGE=read", "SPONSORSYNC_BRIDGE=full", 1)
	}
	synced := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	v.Rows[0].Synced = &synced // the official job has told the cloud
	requireStatus(t, v.run("bridge", "--once"), 0)
	until := synced.AddDate(1, 0, 0)
	jobstest.Must(t, jobstest.Ledger{Redis: v.rdb}.Put(t.Context(), sponsorship.Sponsorship{
		OrganizationID: acme, UserID: member, Email: address, Name: address, Vault: true, Revision: 2,
		Status: sponsorship.Redeemed, LastSyncAt: &synced, ValidUntil: &until,
	}))
	v.finish()
	requireStatus(t, v.run("bridge", "--once"), 0)
	if v.Rows[0].ValidUntil != nil {
		t.Fatal("it was written before anybody was asked")
	}
	r := v.run("bridge", "--dry-run")
	requireStatus(t, r, 1)
	requireContains(t, r.out, "Would be written:   1 rows of the vault, and 0 deleted there\n", "Held:               first_write", "does not support")

	r = v.run("bridge", "resume", "--org", acme)
	requireStatus(t, r, 2) // nobody to ask
	requireContains(t, r.out, "in the vault 1 written, 0 deleted", "  write ValidUntil of row "+v.Rows[0].ID+", of member "+member,
		"Bitwarden does not support", "pg_dump --host=127.0.0.1 --format=custom --file=before-sponsorsync.dump vault")
	requireStatus(t, v.run("bridge", "resume", "--org", acme, "--yes"), 0)
	requireStatus(t, v.run("bridge", "--once"), 0)
	if v.Rows[0].ValidUntil == nil || !v.Rows[0].ValidUntil.Equal(until) {
		t.Errorf("the row is valid until %v, want %s", v.Rows[0].ValidUntil, until)
	}
	requireContains(t, v.run("status", "--org", acme).out, "Written there:      rows told 1, deleted 0, last at ")
}

// finish ends the jobs that wait, as workers do that carried them out.
func (v withVault) finish() {
	v.t.Helper()
	inspector := asynq.NewInspectorFromRedisClient(v.rdb)
	for _, task := range jobstest.Value(inspector.ListPendingTasks(string(jobs.QueueIntake)))(v.t) {
		jobstest.Must(v.t, inspector.DeleteTask(task.Queue, task.ID))
		jobstest.Must(v.t, v.rdb.HSet(v.t.Context(), state.RecordKey(acme, task.ID), "state", string(record.Done)).Err())
	}
}
