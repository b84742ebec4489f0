package doctor

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

const (
	nameOutbox = "outbox"
	nameEnded  = "dead jobs"
)

// bounds tells of stores that take nothing more when they are full.
func (d *doctor) bounds(ctx context.Context, rdb redis.UniversalClient) []Check {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	events, err := state.New(rdb, nil).OutboxFill(ctx)
	outbox := checkFill(nameOutbox, state.OutboxWord(events), "Start NATS, or see why it takes no events.")
	if err != nil {
		outbox = bad(nameOutbox, "", "%s", reason(err))
	}
	jobs, err := enqueue.New(rdb, enqueue.Options{}).EndedFill(ctx)
	ended := checkFill(nameEnded, enqueue.EndedWord(jobs), "See 'producer jobs list', and retry or delete them.")
	if err != nil {
		ended = bad(nameEnded, "", "%s", reason(err))
	}
	return []Check{outbox, ended}
}

func checkFill(name, word, hint string) Check {
	if word == "ok" {
		return good(name, "far from the bound")
	}
	return doubtful(name, hint, "%s", word)
}
