package alert

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func failing(id sponsorship.ID, code fault.Code) state.Organization {
	return state.Organization{ID: id, LastSyncAt: &noon, LastError: &state.Failure{Error: fault.Error{Code: code, Message: "no"}, At: noon}}
}

// well has nothing to tell.
func well() health.Facts {
	return health.Facts{At: noon, Workers: []state.Worker{{Lives: true}}, Scheduler: state.Scheduler{Interval: time.Minute}, Jobs: health.Jobs{Most: 100}}
}

func keys(all []Alert) []string {
	var found []string
	for _, a := range all {
		found = append(found, a.key())
	}
	return found
}

func TestWhatSomebodyMustActOn(t *testing.T) {
	t.Parallel()
	jobstest.Equal(t, "nothing", len(Of(well())), 0)
	f := well()
	f.Jobs.Dead, f.Outbox, f.Workers = 2, health.Fill{Used: 90, Limit: 100}, nil
	f.Organizations = []state.Organization{
		failing("a", fault.BillingSyncTokenInvalid), failing("b", fault.CloudRecordsDamaged), failing("c", fault.CloudUnavailable),
		failing("d", fault.InstallationRejected), failing("e", fault.InstallationRejected),
		{ID: "f", Bridge: &state.Bridge{Running: true, Held: []state.Hold{{Reason: fault.HeldRestored}, {Reason: fault.HeldRowVanished, User: "m"}}}},
	}
	want := []string{
		"billing_sync_token_invalid a", "cloud_records_damaged b", "installation_rejected", "jobs", "outbox", "restored f", "row_vanished f m", "worker",
	}
	if got := keys(Of(f)); !slices.Equal(got, want) {
		t.Errorf("tells of %q, want %q", got, want)
	}
	for _, a := range Of(f) {
		if a.Message == "" || a.Hint == "" {
			t.Errorf("%s says %q, %q", a.key(), a.Message, a.Hint)
		}
	}
	f.Redis = errors.New("away")
	if got := keys(Of(health.Facts{At: noon, Redis: f.Redis})); !slices.Equal(got, []string{"redis"}) {
		t.Errorf("without Redis it tells of %q", got)
	}
}

// Each thing is told when it begins, once a day while it lasts, and when it is over.
func TestPlan(t *testing.T) {
	t.Parallel()
	a, b := Alert{Code: "a", Since: noon}, Alert{Code: "b", Since: noon}
	for name, c := range map[string]struct {
		open         []Alert
		told         map[string]told
		begun, ended string
	}{
		"nothing":            {nil, nil, "", ""},
		"begins":             {[]Alert{a}, nil, "a", ""},
		"was told":           {[]Alert{a}, map[string]told{"a": {a, noon}}, "", ""},
		"was told yesterday": {[]Alert{a}, map[string]told{"a": {a, noon.Add(-repeat)}}, "a", ""},
		"is over":            {nil, map[string]told{"a": {a, noon}}, "", "a"},
		"another":            {[]Alert{b}, map[string]told{"a": {a, noon}}, "b", "a"},
	} {
		m := plan(c.open, c.told, noon)
		jobstest.Equal(t, name+": begun", strings.Join(keys(m.Begun), ","), c.begun)
		jobstest.Equal(t, name+": ended", strings.Join(keys(m.Ended), ","), c.ended)
		jobstest.Equal(t, name+": empty", m.empty(), c.begun+c.ended == "")
	}
	later := a
	later.Since = noon.Add(time.Hour)
	m := plan([]Alert{later}, map[string]told{"a": {a, noon.Add(-repeat)}}, noon)
	jobstest.Equal(t, "since when it was first told", m.Begun[0].Since, noon)
	jobstest.Equal(t, "id of the same", plan([]Alert{a}, nil, noon).id(noon), plan([]Alert{a}, nil, noon).id(noon.Add(time.Minute)))
	if plan([]Alert{a}, nil, noon).id(noon) == plan([]Alert{a}, nil, noon).id(noon.Add(repeat)) {
		t.Error("the reminder of the next day has the same id: a receiver drops it")
	}
}
