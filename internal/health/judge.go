package health

import (
	"fmt"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Judge says what the facts mean.
func Judge(f Facts) Report {
	r := Report{At: f.At.UTC(), Workers: []Worker{}, Queues: []Queue{}, Bounds: []Bound{}}
	if f.Redis != nil {
		r.Parts = withoutRedis(f)
	} else {
		r.Parts = parts(f)
		r.Workers, r.Queues, r.Bounds, r.Jobs = living(f.Workers), queues(f), bounds(f), &f.Jobs
		counted := count(f.Organizations)
		r.Organizations = &counted
	}
	r.Status = OK
	for _, p := range r.Parts {
		if p.Status != Unknown {
			r.Status = worst(r.Status, p.Status)
		}
	}
	return r
}

func withoutRedis(f Facts) []Part {
	all := []Part{fail(PartRedis, "away", fault.QueueUnavailable.Hint())}
	names := []string{PartWorker, PartNATS, PartScheduler, PartSending, PartQueues, PartOutbox, PartJobs, PartMemory}
	if !f.Brief {
		names = append(names, PartCloud, PartOrganizations, PartLicenses, PartBridge)
	}
	for _, name := range names {
		if name == PartNATS {
			all = append(all, nats(f))
			continue
		}
		all = append(all, unknown(name, "unknown"))
	}
	return all
}

func parts(f Facts) []Part {
	all := []Part{
		fine(PartRedis, "answers"),
		worker(f), nats(f), scheduler(f), sending(f), backlog(f),
		bounded(PartOutbox, f.Outbox, outboxWords), ended(f), memory(f),
	}
	if f.Brief {
		return all
	}
	return append(all, cloud(f), organizations(f), licenses(f), bridge(f))
}

func worker(f Facts) Part {
	alive := living(f.Workers)
	older, outdated := state.Outdated(f.Workers)
	switch {
	case len(alive) == 0:
		return fail(PartWorker, "none runs: "+nothingHappens(f.Queues),
			"Start the worker ('worker', or 'docker compose up -d worker'), and see its log if it ends by itself. What waits is not lost.")
	case outdated:
		return warn(PartWorker, fmt.Sprintf("%s is of an older release: the newer ones send nothing to the cloud until it has ended", older),
			"Stop the older worker.").saying("an older one holds the others back")
	}
	return fine(PartWorker, plural(len(alive), "runs", "run"))
}

func nothingHappens(queues []enqueue.Depth) string {
	waiting := int64(0)
	for _, q := range queues {
		waiting += q.Pending + q.Retry + q.Scheduled
	}
	if waiting == 0 {
		return "nothing that is enqueued is carried out"
	}
	return fmt.Sprintf("jobs that wait and are not carried out: %d", waiting)
}

func nats(f Facts) Part {
	if word := events.HealthWord(f.NATS); word != "ok" {
		return warn(PartNATS, word+": sponsorships go on, but subscribers and 'producer watch' hear of nothing until it is back",
			"Start NATS with JetStream, version "+events.LeastServer+" or newer, or correct NATS_URL.").saying(word)
	}
	return fine(PartNATS, "answers")
}

func scheduler(f Facts) Part {
	const hint = "Start 'producer serve' (or 'docker compose up -d producer'). Syncs that came due meanwhile are caught up."
	switch s := f.Scheduler; {
	case s.Lives():
		return fine(PartScheduler, "works; it looks for syncs that are due every "+s.Interval.String())
	case s.Interval == 0:
		return warn(PartScheduler, "none has worked for a month: no daily sync starts", hint)
	default:
		return warn(PartScheduler, "silent for "+rough(s.Silent)+": no daily sync starts", hint)
	}
}

func sending(f Facts) Part {
	if f.Paused {
		return warn(PartSending, "somebody has paused it: nothing leaves for the cloud", "Run 'producer resume' when it may go on.")
	}
	return fine(PartSending, "on")
}

// patience is how long a job may be ready to run before its queue counts as piled up.
// Intake calls nobody; the others wait for the cloud, which takes 60 requests a minute.
func patience(q jobs.Queue) time.Duration {
	if q == jobs.QueueIntake {
		return time.Minute
	}
	return 15 * time.Minute
}

func backlog(f Facts) Part {
	var paused, late []string
	waiting := int64(0)
	for _, q := range queues(f) {
		waiting += q.Pending
		if q.Paused {
			paused = append(paused, string(q.Name))
		}
		if since := time.Duration(q.OldestSeconds * float64(time.Second)); since > patience(q.Name) && len(living(f.Workers)) > 0 { // else that is the trouble
			late = append(late, fmt.Sprintf("%s: %d wait, the next since %s", q.Name, q.Pending, rough(since)))
		}
	}
	switch {
	case len(paused) > 0:
		return fail(PartQueues, "paused by hand: "+strings.Join(paused, ", ")+"; none of their jobs starts",
			"Unpause them with the tool that paused them, such as 'asynq queue unpause NAME'.")
	case len(late) > 0:
		return warn(PartQueues, "jobs pile up: "+strings.Join(late, "; "),
			"Start more workers, or see in the worker's log what holds them up; SPONSORSYNC_CLOUD_RATE bounds what leaves for the cloud.")
	}
	return fine(PartQueues, plural(int(waiting), "job waits", "jobs wait"))
}

func queues(f Facts) []Queue {
	all := []Queue{}
	for _, d := range f.Queues {
		q := Queue{Name: d.Queue, Pending: d.Pending, Active: d.Active, Delayed: d.Scheduled, Retrying: d.Retry, Paused: d.Paused}
		if !d.PendingSince.IsZero() {
			q.OldestSeconds = max(f.At.Sub(d.PendingSince).Seconds(), 0)
		}
		all = append(all, q)
	}
	return all
}

// plural says a number with its word.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// rough is a duration for people.
func rough(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
	return fmt.Sprintf("%d seconds", int(d.Seconds()))
}
