package doctor

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/registry"
)

const nameWorkers = "workers"

// workers lists those that run, and names one beside which this release sends nothing.
func (d *doctor) workers(ctx context.Context, rdb redis.UniversalClient) []Check {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	all, err := enqueue.NewInspector(enqueue.New(rdb, enqueue.Options{})).Workers(ctx)
	if err != nil {
		return []Check{bad(nameWorkers, "", "%s", reason(err))}
	}
	return []Check{checkWorkers(all)}
}

func checkWorkers(all []state.Worker) Check {
	if older, found := state.Older(all, registry.Safety); found {
		return doubtful(nameWorkers, "Stop it: a worker of this release sends nothing to the cloud until it has ended.", "%s is of an older release", older)
	}
	var living []string
	for _, w := range all {
		if w.Lives {
			living = append(living, w.String())
		}
	}
	if len(living) == 0 {
		return good(nameWorkers, "none runs")
	}
	return good(nameWorkers, "%s", strings.Join(living, ", "))
}
