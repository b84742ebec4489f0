package registry

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/durable"
)

func TestWhenTheWorkersAreCounted(t *testing.T) {
	t.Parallel()
	const life = 7 * time.Minute
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	w := func(id, run string, ago time.Duration) state.Worker {
		return state.Worker{ID: id, Run: run, LastBeat: noon.Add(-ago)}
	}
	all := func(workers ...state.Worker) []state.Worker { return workers }
	const soon, late = time.Second, state.WorkerLife
	for name, c := range map[string]struct {
		count
		want verdict
	}{
		"all work under the new run":         {count{listed: all(w("a", "2", 0), w("b", "2", 0)), lived: true, waited: soon}, complete},
		"one is not back yet":                {count{listed: all(w("a", "2", 0), w("b", "1", 0)), lived: true, waited: soon}, unknown},
		"one does not come back":             {count{listed: all(w("a", "2", 0), w("b", "1", 0)), lived: true, waited: late}, killed},
		"the list is lost, a peer was seen":  {count{listed: all(w("a", "2", 0)), seen: all(w("a", "1", 0), w("b", "1", 0)), lived: true, waited: late}, killed},
		"the list is lost, all are back":     {count{listed: all(w("a", "2", 0), w("b", "2", 0)), seen: all(w("a", "1", 0), w("b", "1", 0)), lived: true, waited: soon}, complete},
		"a new worker gives the others time": {count{listed: all(w("a", "2", 0)), waited: soon}, unknown},
		"a new worker, and nobody else":      {count{listed: all(w("a", "2", 0)), waited: late}, complete},
		"a new worker, one was killed":       {count{listed: all(w("a", "2", 0), w("b", "1", time.Hour)), waited: late}, killed},
		"one was killed long before": {count{
			listed: all(w("a", "2", 0), w("b", "1", time.Hour)), seen: all(w("a", "1", 0), w("b", "1", time.Hour)), lived: true, waited: soon,
		}, complete},
		"one was killed just before": {count{
			listed: all(w("a", "2", 0), w("b", "1", life)), seen: all(w("a", "1", 0), w("b", "1", life)), lived: true, waited: late,
		}, killed},
	} {
		c.count.run, c.count.life = "2", life
		if got := c.verdict(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestWhereWaitingHelpsARegistrationSettles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		able durable.Ability
		want bool
	}{
		{durable.Ability{Major: 7, Minor: 2, AOF: true, Fsync: "everysec"}, false},
		{durable.Ability{Major: 7, AOF: true, Fsync: "always"}, false},
		{durable.Ability{Major: 7, AOF: true, Fsync: "no"}, false},
		{durable.Ability{Major: 7, AOF: true, Fsync: "everysec"}, true},
		{durable.Ability{Major: 8}, true},
	} {
		if got := Settling(c.able); got > 0 != c.want || got > 0 && got <= Interval {
			t.Errorf("%+v settles for %v", c.able, got)
		}
	}
}
