package health

import (
	"cmp"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Status is how well something is.
type Status string

// The statuses, from the best to the worst.
const (
	OK      Status = "ok"
	Unknown Status = "unknown" // could not be looked at, or has not shown yet
	Warn    Status = "warn"    // it goes on, and somebody should look
	Fail    Status = "fail"    // something does not happen until somebody acts
)

// The names of the parts. They never change.
const (
	PartRedis         = "redis"
	PartWorker        = "worker"
	PartNATS          = "nats"
	PartScheduler     = "scheduler"
	PartSending       = "sending"
	PartCloud         = "cloud"
	PartQueues        = "queues"
	PartOutbox        = "outbox"
	PartJobs          = "jobs"
	PartMemory        = "memory"
	PartOrganizations = "organizations"
	PartLicenses      = "licenses"
	PartBridge        = "bridge"
)

// Report is the whole in one look.
type Report struct {
	Status  Status    `json:"status"` // the worst of the parts
	At      time.Time `json:"at"`
	Parts   []Part    `json:"parts"`
	Workers []Worker  `json:"workers"` // that live
	Queues  []Queue   `json:"queues"`
	Bounds  []Bound   `json:"bounds"`
	Jobs    *Jobs     `json:"jobs"` // that ended badly; null if unknown

	Organizations *Organizations `json:"organizations"` // null if unknown
}

// Part is one thing that has to work.
type Part struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`         // what was found
	Hint   string `json:"hint,omitempty"` // what to do; empty if nothing

	word string // for those who may not see a host's name; Detail where it is empty
}

// Words are what a probe that is open to everybody may know of the parts: ok, or what
// is amiss.
func (r Report) Words() map[string]string {
	words := map[string]string{}
	for _, p := range r.Parts {
		words[p.Name] = "ok"
		if p.Status != OK {
			words[p.Name] = cmp.Or(p.word, p.Detail)
		}
	}
	return words
}

func fine(name, detail string) Part    { return Part{Name: name, Status: OK, Detail: detail} }
func unknown(name, detail string) Part { return Part{Name: name, Status: Unknown, Detail: detail} }
func warn(name, detail, hint string) Part {
	return Part{Name: name, Status: Warn, Detail: detail, Hint: hint}
}
func fail(name, detail, hint string) Part {
	return Part{Name: name, Status: Fail, Detail: detail, Hint: hint}
}

// saying is the part with a word for those who may not see its detail.
func (p Part) saying(word string) Part {
	p.word = word
	return p
}

// Worker is one that lives.
type Worker struct {
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"startedAt"`
}

// Queue is what waits in a queue.
type Queue struct {
	Name     jobs.Queue `json:"name"`
	Pending  int64      `json:"pending"`
	Active   int64      `json:"active"`
	Delayed  int64      `json:"delayed"`  // until a time that is not yet
	Retrying int64      `json:"retrying"` // failed, or put off
	Paused   bool       `json:"paused"`

	OldestSeconds float64 `json:"oldestPendingSeconds"` // how long the next one has been ready
}

// Bound is something that takes nothing more when it is full.
type Bound struct {
	Name  string  `json:"name"` // of its part
	Used  int64   `json:"used"`
	Limit int64   `json:"limit"`
	Fill  float64 `json:"fill"` // Used of Limit
}

// Organizations count those that are known here.
type Organizations struct {
	Known       int `json:"known"`
	NeverSynced int `json:"neverSynced"`
	Failing     int `json:"failing"` // the last sync failed
	Paused      int `json:"paused"`  // by a person, one by one or all
	Held        int `json:"held"`    // what the bridge waits for a person to look at
}

// Part returns one part, or the zero value if there is none of the name.
func (r Report) Part(name string) Part {
	for _, p := range r.Parts {
		if p.Name == name {
			return p
		}
	}
	return Part{}
}

// Troubles are the parts that somebody should look at, in the order of the report.
func (r Report) Troubles() []Part {
	var all []Part
	for _, p := range r.Parts {
		if p.Status == Warn || p.Status == Fail {
			all = append(all, p)
		}
	}
	return all
}

// worst of two statuses.
func worst(a, b Status) Status {
	rank := map[Status]int{OK: 0, Unknown: 1, Warn: 2, Fail: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

func living(all []state.Worker) []Worker {
	shown := []Worker{}
	for _, w := range all {
		if w.Lives {
			shown = append(shown, Worker{w.Host, w.PID, w.Version, w.StartedAt.UTC()})
		}
	}
	return shown
}
