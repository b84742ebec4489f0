package record

import (
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// State is how far a job is, as far as its record knows.
type State string

// The states. The scripts know them by these texts.
const (
	Waiting State = "waiting" // not ended: the queue knows more
	Done    State = "done"
	Refused State = "refused" // the wish was impossible; nothing to mend
	Dead    State = "dead"    // failed for good
)

// Record is what is kept of one job.
type Record struct {
	ID           string
	Kind         jobs.Kind
	Organization sponsorship.ID // empty if the arguments cannot be read
	User         sponsorship.ID // the ledger key whose jobs keep an order; may be empty
	Sequence     int64          // grows with each job of the organization; 0 is none
	Batch        string         // the batch that it is an item of, and its place there
	Place        int
	Origin       origin.Origin // who asked for it
	State        State
	Attempts     int
	Reason       *fault.Error // of a job that was refused or is dead
	Args         []byte       // of a dead job, until they are forgotten

	EnqueuedAt, EndedAt time.Time // zero if unknown
}

// Store reads and writes records. It is safe for concurrent use.
type Store struct {
	rdb                                   redis.UniversalClient
	stamp, unblock, bury, trim, forgotten *redis.Script
}

// New returns a store on the client, which stays the caller's to close.
func New(rdb redis.UniversalClient) *Store {
	return &Store{
		rdb: rdb, stamp: state.Script(stampSource), unblock: state.Script(unblockSource),
		bury: state.Script(burySource), trim: redis.NewScript(trimSource), forgotten: redis.NewScript(forgetSource),
	}
}

// parse reads a record's hash, or returns false if there is none.
func parse(id string, h map[string]string) (Record, bool) {
	number := func(field string) int64 {
		n, _ := strconv.ParseInt(h[field], 10, 64)
		return n
	}
	r := Record{
		ID: id, Kind: jobs.Kind(h["kind"]), Organization: sponsorship.ID(h["org"]), User: sponsorship.ID(h["user"]),
		Sequence: number("seq"), Batch: h["batch"], Place: int(number("place")), Origin: origin.Origin(h["origin"]), State: State(h["state"]),
		Attempts: int(number("attempts")), EnqueuedAt: instant(h["enqueuedAt"]), EndedAt: instant(h["endedAt"]),
	}
	if r.State == Refused || r.State == Dead {
		r.Reason = &fault.Error{Code: fault.Code(h["code"]), Message: h["message"]}
	}
	if args := h["args"]; args != "" {
		r.Args = []byte(args)
	}
	return r, r.State != ""
}

func instant(text string) time.Time {
	if at := state.Instant(text); at != nil {
		return *at
	}
	return time.Time{}
}
