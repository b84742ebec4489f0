package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/roundtrip"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// scriptJobs bounds what one script ends.
const scriptJobs = 200

// acceptance is what one job asks accept.lua for.
type acceptance struct {
	org  sponsorship.ID
	turn state.Turn
	args []any
}

// verdict is what accept.lua says of one job.
type verdict struct {
	reply []string
	err   error
}

// part is what one script does, and where its verdicts belong.
type part struct {
	jobs   []acceptance
	places []int
}

// acceptAll carries out the jobs of each organization with one script, in one round trip.
func (l *Ledger) acceptAll(ctx context.Context, all []acceptance) []verdict {
	parts := byOrganization(all)
	calls := make([]roundtrip.Call, len(parts))
	for i, p := range parts {
		calls[i] = l.accepting(p.jobs)
	}
	verdicts := make([]verdict, len(all))
	for i, reply := range roundtrip.Run(ctx, l.rdb, calls) {
		for n, v := range l.judge(ctx, parts[i].jobs, reply) {
			verdicts[parts[i].places[n]] = v
		}
	}
	return verdicts
}

func byOrganization(all []acceptance) []*part {
	var parts []*part
	open := map[sponsorship.ID]*part{}
	for place, a := range all {
		p := open[a.org]
		if p == nil || len(p.jobs) == scriptJobs {
			p = &part{}
			open[a.org], parts = p, append(parts, p)
		}
		p.jobs, p.places = append(p.jobs, a), append(p.places, place)
	}
	return parts
}

// accepting is one script for jobs of one organization.
func (l *Ledger) accepting(theirs []acceptance) roundtrip.Call {
	turns := make([]state.Turn, len(theirs))
	args := []any{markerLife.Milliseconds(), l.OutboxLimit}
	for i, a := range theirs {
		turns[i], args = a.turn, append(args, a.args...)
	}
	return roundtrip.Call{Script: l.scripts.accept, Keys: state.TurnKeys(theirs[0].org, turns...), Args: args}
}

// judge reads a reply. Where Redis gave up over one of several jobs, each goes alone: those
// that are done already change nothing.
func (l *Ledger) judge(ctx context.Context, theirs []acceptance, reply *redis.Cmd) []verdict {
	verdicts := make([]verdict, len(theirs))
	replies, err := reply.Slice()
	_, said := errors.AsType[redis.Error](err)
	for i := range theirs {
		switch {
		case said && len(theirs) > 1:
			alone := theirs[i : i+1]
			verdicts[i] = l.judge(ctx, alone, roundtrip.Run(ctx, l.rdb, []roundtrip.Call{l.accepting(alone)})[0])[0]
		case err != nil:
			verdicts[i].err = err
		default:
			fields, _ := replies[i].([]any)
			for _, f := range fields {
				verdicts[i].reply = append(verdicts[i].reply, fmt.Sprint(f))
			}
		}
	}
	return verdicts
}
