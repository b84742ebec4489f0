package ledger

import (
	"strconv"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// progress is what only a sync needs to know of its organization.
type progress struct {
	requested, begun, done int64      // numbers of full syncs
	startedAt              *time.Time // of the one that was begun last
	trigger                Trigger
	cursor                 string // how far it has come
	syncEvents             int64  // how many were published
	connections            int64  // how often the connection was saved
	caution, most          int64
	damagedAt              *time.Time // when the cloud's records looked damaged first
}

func parseProgress(hash map[string]string) progress {
	number := func(field string) int64 {
		n, _ := strconv.ParseInt(hash[field], 10, 64)
		return n
	}
	return progress{
		requested: number("fullRequested"), begun: number("fullBegun"), done: number("fullDone"),
		startedAt: state.Instant(hash["fullStartedAt"]), trigger: Trigger(hash["fullTrigger"]), cursor: hash["fullCursor"],
		syncEvents: number("syncEvents"), connections: number("connections"),
		caution: number("caution"), most: number("mostRows"), damagedAt: state.Instant(hash["damagedAt"]),
	}
}
