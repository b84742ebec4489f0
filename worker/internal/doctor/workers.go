package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/registry"
)

const nameWorkers = "workers"

// whole are the parts of the whole's health that no other check names.
func whole() []string {
	return []string{health.PartScheduler, health.PartSending, health.PartQueues, health.PartMemory}
}

// running tells of what stands still although nothing is broken.
func (d *doctor) running(ctx context.Context, rdb redis.UniversalClient) []Check {
	report := health.Brief(ctx, health.Source{
		Redis: rdb, Ledger: state.New(rdb, nil), Jobs: enqueue.New(rdb, enqueue.Options{}),
		NATS: func(context.Context) error { return nil }, Now: d.Now, Timeout: probeTimeout,
	})
	var checks []Check
	for _, name := range whole() {
		p := report.Part(name)
		c := Check{Name: name, Status: Warn, Detail: p.Detail, Hint: p.Hint}
		switch p.Status {
		case health.OK:
			c.Status = OK
		case health.Fail:
			c.Status = Fail
		}
		checks = append(checks, c)
	}
	return checks
}

// mostSkew is how far a worker's clock may be off before it is named.
const mostSkew = 10 * time.Second

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
	var living, off []string
	for _, w := range all {
		if !w.Lives {
			continue
		}
		living = append(living, w.String())
		if w.Skew().Abs() > mostSkew {
			off = append(off, fmt.Sprintf("%s by %s", w, w.Skew().Abs().Round(time.Second)))
		}
	}
	if len(off) > 0 {
		return doubtful(nameWorkers, "Let NTP set the clocks of those machines: it harms no sponsorship, but their logs are misleading.",
			"these clocks are off from the ledger's: %s", strings.Join(off, ", "))
	}
	if len(living) == 0 { // before the start that is as it should be
		return doubtful(nameWorkers, "Start the worker once this report is clean: without one nothing is carried out.", "none runs")
	}
	return good(nameWorkers, "%s", strings.Join(living, ", "))
}
