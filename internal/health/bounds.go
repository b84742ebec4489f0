package health

import (
	"fmt"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// words are what is said of a bound.
type words struct {
	fine string // takes the number
	full string // what comes of it
	hint string
}

var (
	outboxWords = words{"%d events wait", state.OutboxFull, "Start NATS, or see in the worker's log why it takes no events."}
	memoryWords = words{"%d bytes in use", "Redis refuses what is new: no job is taken, and no answer of the cloud can be written down",
		"Give Redis more memory (maxmemory), or see what else lives in it."}
)

// bounded judges something that takes nothing more when it is full.
func bounded(name string, f Fill, w words) Part {
	ratio := f.Ratio()
	said := state.FillWord(ratio, near, w.full)
	switch {
	case ratio >= 1:
		return fail(name, said, w.hint)
	case ratio >= near:
		return warn(name, said, w.hint).saying(fmt.Sprintf("%.0f %% full", 100*ratio))
	}
	return fine(name, fmt.Sprintf(w.fine, f.Used))
}

// memory has no bound where Redis was given none, or does not say.
func memory(f Facts) Part {
	switch {
	case f.Memory.Used == 0:
		return fine(PartMemory, "Redis does not say")
	case f.Memory.Limit == 0:
		return fine(PartMemory, fmt.Sprintf("%d MiB in use, and no limit is set", f.Memory.Used>>20))
	}
	return bounded(PartMemory, f.Memory, memoryWords)
}

// ended judges the jobs that ended badly: how many there are, and whether there is
// room for more.
func ended(f Facts) Part {
	const hint = "See 'producer jobs list', and retry or delete them."
	kept := Fill{f.Jobs.Dead + f.Jobs.Refused, f.Jobs.Most}
	p := bounded(PartJobs, kept, words{"", enqueue.EndedFull, hint})
	switch {
	case p.Status != OK:
		return p
	case f.Jobs.Dead > 0 && !f.Brief:
		return warn(PartJobs, plural(int(f.Jobs.Dead), "job is dead: it failed for good", "jobs are dead: they failed for good"), hint)
	}
	return fine(PartJobs, "none is dead")
}

func bounds(f Facts) []Bound {
	all := []Bound{}
	add := func(name string, of Fill) {
		if of.Limit > 0 {
			all = append(all, Bound{name, of.Used, of.Limit, of.Ratio()})
		}
	}
	add(PartOutbox, f.Outbox)
	add(PartJobs, Fill{f.Jobs.Dead + f.Jobs.Refused, f.Jobs.Most})
	add(PartMemory, f.Memory)
	return all
}
