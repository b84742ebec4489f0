package health_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// well are the facts of a system that has nothing to complain of.
func well() health.Facts {
	return health.Facts{
		At:        noon,
		Workers:   []state.Worker{{Host: "a", PID: 1, Lives: true}, {Host: "killed", Lives: false}},
		Scheduler: state.Scheduler{Interval: 15 * time.Second, Silent: 14 * time.Second},
		Queues:    []enqueue.Depth{{Queue: jobs.QueueIntake, Pending: 3, PendingSince: noon.Add(-time.Second)}, {Queue: jobs.QueueCloud}},
		Jobs:      health.Jobs{Refused: 5, Most: 100},
		Outbox:    health.Fill{Used: 7, Limit: 100}, Memory: health.Fill{Used: 50, Limit: 100},
		Organizations: []state.Organization{{ID: "acme", Started: true, LastSyncAt: &noon, Bridge: &state.Bridge{Running: true}}, {ID: "new"}},
	}
}

func failed(code fault.Code) *state.Failure {
	return &state.Failure{Error: fault.Error{Code: code, Message: "no"}, At: noon}
}

func TestNothingToComplainOf(t *testing.T) {
	t.Parallel()
	r := health.Judge(well())
	jobstest.Equal(t, "status", r.Status, health.OK)
	for _, p := range r.Parts {
		if p.Status != health.OK || p.Hint != "" || p.Detail == "" {
			t.Errorf("shows %+v", p)
		}
	}
	jobstest.Equal(t, "workers", len(r.Workers), 1)
	jobstest.Equal(t, "bounds", len(r.Bounds), 3)
	jobstest.Equal(t, "organizations", *r.Organizations, health.Organizations{Known: 2, NeverSynced: 1})
	jobstest.Equal(t, "oldest", r.Queues[0].OldestSeconds, 1)
}

// Each trouble is said by the part that it belongs to, with what to do, and by no other.
func TestEachTroubleHasItsPart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*health.Facts)
		part   string
		status health.Status
		says   string
	}{
		"no worker":         {func(f *health.Facts) { f.Workers = f.Workers[1:]; f.Queues[0].PendingSince = noon.Add(-time.Hour) }, health.PartWorker, health.Fail, "none runs: jobs that wait and are not carried out: 3"},
		"nor a job":         {func(f *health.Facts) { f.Workers, f.Queues = nil, nil }, health.PartWorker, health.Fail, "none runs: nothing that is enqueued is carried out"},
		"an older worker":   {func(f *health.Facts) { f.Workers[0].Safety = 1; f.Workers[1].Lives = true }, health.PartWorker, health.Warn, "killed (pid 0, version unknown) is of an older release"},
		"no NATS":           {func(f *health.Facts) { f.NATS = errors.New("refused") }, health.PartNATS, health.Warn, "away: "},
		"a dead scheduler":  {func(f *health.Facts) { f.Scheduler.Silent = 3 * time.Hour }, health.PartScheduler, health.Warn, "silent for 3 hours"},
		"no scheduler":      {func(f *health.Facts) { f.Scheduler = state.Scheduler{} }, health.PartScheduler, health.Warn, "none has worked"},
		"paused":            {func(f *health.Facts) { f.Paused = true }, health.PartSending, health.Warn, "somebody has paused it"},
		"a paused queue":    {func(f *health.Facts) { f.Queues[1].Paused = true }, health.PartQueues, health.Fail, "paused by hand: cloud"},
		"a backlog":         {func(f *health.Facts) { f.Queues[0].PendingSince = noon.Add(-3 * time.Minute) }, health.PartQueues, health.Warn, "jobs pile up: intake: 3 wait, the next since 3 minutes"},
		"outbox near":       {func(f *health.Facts) { f.Outbox.Used = 80 }, health.PartOutbox, health.Warn, "80 % full; at 100 % no new jobs are taken"},
		"outbox full":       {func(f *health.Facts) { f.Outbox.Used = 100 }, health.PartOutbox, health.Fail, "full: no new jobs are taken"},
		"a dead job":        {func(f *health.Facts) { f.Jobs.Dead = 1 }, health.PartJobs, health.Warn, "1 job is dead: it failed for good"},
		"dead jobs near":    {func(f *health.Facts) { f.Jobs.Refused = 90 }, health.PartJobs, health.Warn, "90 % full"},
		"memory full":       {func(f *health.Facts) { f.Memory.Used = 120 }, health.PartMemory, health.Fail, "full: Redis refuses"},
		"a wrong token":     {func(f *health.Facts) { f.Organizations[0].LastError = failed(fault.BillingSyncTokenInvalid) }, health.PartOrganizations, health.Warn, "the last sync failed: billing_sync_token_invalid (1)"},
		"the cloud is away": {func(f *health.Facts) { f.Organizations[0].LastError = failed(fault.CloudUnavailable) }, health.PartCloud, health.Warn, "organizations that it did not answer: cloud_unavailable (1)"},
		"a license":         {func(f *health.Facts) { f.Organizations[0].LastLicenseError = failed(fault.LicenseRejected) }, health.PartLicenses, health.Warn, "license_rejected (1)"},
		"held":              {func(f *health.Facts) { f.Organizations[0].Bridge.Held = []state.Hold{{Reason: fault.HeldRestored}} }, health.PartBridge, health.Warn, "waits for somebody to look: restored (1)"},
		"no bridge":         {func(f *health.Facts) { f.Organizations[0].Bridge.Running = false }, health.PartBridge, health.Warn, "none works"},
		"vault away":        {func(f *health.Facts) { f.Organizations[0].Bridge.Error = failed(fault.BridgeDatabaseUnavailable) }, health.PartBridge, health.Warn, "1 organization can't be read"},
	} {
		f := well()
		c.change(&f)
		r := health.Judge(f)
		jobstest.Equal(t, name+": status", r.Status, c.status)
		troubles := r.Troubles()
		if len(troubles) != 1 || troubles[0].Name != c.part || troubles[0].Status != c.status || !strings.Contains(troubles[0].Detail, c.says) || troubles[0].Hint == "" {
			t.Errorf("%s: %+v, want %s: %s", name, troubles, c.part, c.says)
		}
	}
}

func TestWithoutRedisNothingElseIsGuessed(t *testing.T) {
	t.Parallel()
	f := well()
	f.Redis = errors.New("dial tcp: refused")
	r := health.Judge(f)
	jobstest.Equal(t, "status", r.Status, health.Fail)
	for _, p := range r.Parts {
		want := map[string]health.Status{health.PartRedis: health.Fail, health.PartNATS: health.OK}[p.Name]
		if want == "" {
			want = health.Unknown
		}
		jobstest.Equal(t, p.Name, p.Status, want)
		if strings.Contains(p.Detail, "dial") {
			t.Errorf("%s shows the error: %s", p.Name, p.Detail)
		}
	}
	if r.Jobs != nil || r.Organizations != nil || len(r.Parts) != len(health.Judge(well()).Parts) {
		t.Errorf("shows %+v", r)
	}
}
