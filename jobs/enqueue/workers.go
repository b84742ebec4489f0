package enqueue

import (
	"context"
	"slices"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Workers returns the workers that live or were killed lately, as
// [state.Ledger.Workers] does, and those of a release that does not register: asynq
// lists their servers. These have no id, and the safety level 0.
func (i *Inspector) Workers(ctx context.Context) (registered []state.Worker, err error) {
	var others []state.Worker
	for range 2 { // who signs off just now may be in one list and not in the other
		servers, err := jobs.Await(ctx, i.client.inspector.Servers)
		if err != nil {
			return nil, unavailable(err, "list workers")
		}
		if registered, err = state.New(i.client.rdb, nil).Workers(ctx); err != nil {
			return nil, unavailable(err, "list workers")
		}
		if others = unregistered(registered, servers); len(others) == 0 {
			break
		}
	}
	return append(registered, others...), nil
}

// process is what a worker's servers have in common.
type process struct {
	host string
	pid  int
}

// listed is how long asynq lists the servers of a worker that was killed, and a
// registered worker's own last beat may lie before theirs.
const listed = 2 * state.WorkerLife

// unregistered are the processes that run more servers of our queues than those who
// have registered account for. In containers two may have the same name and number.
func unregistered(registered []state.Worker, servers []*asynq.ServerInfo) []state.Worker {
	surplus := map[process]int{}
	for _, w := range registered {
		if w.Silent <= listed {
			surplus[process{w.Host, w.PID}] -= w.Servers
		}
	}
	var all []state.Worker
	for _, s := range servers {
		if !slices.ContainsFunc(jobs.Queues(), func(q jobs.Queue) bool { return s.Queues[string(q)] > 0 }) {
			continue
		}
		p := process{s.Host, s.PID}
		if surplus[p]++; surplus[p] == 1 {
			all = append(all, state.Worker{Host: p.host, PID: p.pid, StartedAt: s.Started, Lives: true})
		}
	}
	return all
}
