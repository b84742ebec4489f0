package ledger

import (
	"strconv"
	"time"
)

// progress is what only a sync needs to know of its organization.
type progress struct {
	requested, begun, done int64      // numbers of full syncs
	startedAt              *time.Time // of the one that was begun last
	trigger                Trigger
	cursor                 string // how far it has come
	syncEvents             int64  // how many were published
	connections            int64  // how often the connection was saved
	caution                int64
	damagedAt              *time.Time // when the cloud's records looked damaged first
}

func parseProgress(hash map[string]string) progress {
	number := func(field string) int64 {
		n, _ := strconv.ParseInt(hash[field], 10, 64)
		return n
	}
	return progress{
		requested: number("fullRequested"), begun: number("fullBegun"), done: number("fullDone"),
		startedAt: instant(hash["fullStartedAt"]), trigger: Trigger(hash["fullTrigger"]), cursor: hash["fullCursor"],
		syncEvents: number("syncEvents"), connections: number("connections"),
		caution: number("caution"), damagedAt: instant(hash["damagedAt"]),
	}
}

// instant reads Unix milliseconds; none is nil.
func instant(text string) *time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}
