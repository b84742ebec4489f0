package registry

import (
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/durable"
)

// Settling is how long a worker waits between its registration and its first request:
// where Redis loses it with its last second, or with all since its last snapshot. The
// peers have read the list by then, and an append-only file is on disk. Where the
// system decides about that, waiting does not help.
func Settling(able durable.Ability) time.Duration {
	if able.Confirms() || able.AOF && able.Fsync == "no" {
		return 0
	}
	return Interval + time.Second
}

// count is what one worker knows when Redis has come back.
type count struct {
	run          string         // under which Redis runs now
	listed, seen []state.Worker // now, and before it came back
	lived        bool           // this worker was there before
	waited, life time.Duration  // since it came back; of a request
}

type verdict int

const (
	unknown  verdict = iota
	complete         // all have said what they sent
	killed           // one has not, and cannot
)

// verdict applies the rule of the package.
func (c count) verdict() verdict {
	late := c.waited >= state.WorkerLife
	switch missing := c.missing(); {
	case len(missing) > 0 && late:
		return killed
	case len(missing) > 0, !c.lived && !late:
		return unknown
	}
	return complete
}

// missing are the workers that may have sent something before Redis came back, and
// have not been heard of since.
func (c count) missing() []state.Worker {
	var last time.Time
	for _, w := range slices.Concat(c.listed, c.seen) {
		if w.Run != c.run && w.LastBeat.After(last) {
			last = w.LastBeat
		}
	}
	var missing []state.Worker
	for _, w := range append(slices.Clone(c.listed), c.unlisted()...) {
		if w.Run != c.run && last.Sub(w.LastBeat) <= c.life+state.WorkerLife {
			missing = append(missing, w)
		}
	}
	return missing
}

// unlisted are those that were seen and are listed no longer.
func (c count) unlisted() []state.Worker {
	return slices.DeleteFunc(slices.Clone(c.seen), func(seen state.Worker) bool {
		return slices.ContainsFunc(c.listed, func(w state.Worker) bool { return w.ID == seen.ID })
	})
}

// Ledger is what a count is about.
type Ledger interface {
	Workers(ctx context.Context) ([]state.Worker, error)
	Uncounted() bool
	Counted(ctx context.Context, run string, quiet time.Duration) error
}

// Counter counts the workers when that is necessary.
type Counter struct {
	Ledger Ledger
	Entry  *Entry
	Life   time.Duration // how long the cloud may be at work on one request
	Log    zerolog.Logger

	seen    []state.Worker
	seenRun string
	seenAt  time.Time
	since   time.Time // of the count that goes on
}

// Keep looks every second, until ctx ends. It asks Redis only as often as a worker
// beats, unless there is something to count.
func (c *Counter) Keep(ctx context.Context) {
	for {
		bounded, cancel := context.WithTimeout(ctx, Interval)
		_ = c.look(bounded) // a Redis that is away lets nothing through, and others say so
		cancel()
		if jobs.Sleep(ctx, time.Second) != nil {
			return
		}
	}
}

func (c *Counter) look(ctx context.Context) error {
	if !c.Ledger.Uncounted() {
		return c.see(ctx)
	}
	run := c.Entry.p.Run()
	if c.since.IsZero() {
		c.since = time.Now()
	}
	if err := c.Entry.Beat(ctx); err != nil {
		return err
	}
	listed, err := c.Ledger.Workers(ctx)
	if err != nil {
		return err
	}
	now := count{
		run: run, listed: listed, seen: c.seen, lived: c.seenRun != "" && c.seenRun != run,
		waited: time.Since(c.since), life: c.Life,
	}
	if err := c.Entry.Vouch(ctx, now.unlisted()); err != nil {
		return err
	}
	return c.conclude(ctx, now)
}

// see reads the list as it is while nothing has to be counted.
func (c *Counter) see(ctx context.Context) error {
	c.since = time.Time{}
	if time.Since(c.seenAt) < Interval {
		return nil
	}
	run := c.Entry.p.Run()
	seen, err := c.Ledger.Workers(ctx)
	if err == nil {
		c.seen, c.seenRun, c.seenAt = seen, run, time.Now()
	}
	return err
}

func (c *Counter) conclude(ctx context.Context, now count) error {
	quiet := time.Duration(0)
	switch now.verdict() {
	case unknown:
		return nil
	case killed:
		quiet = c.Life
		c.Log.Warn().Strs("workers", names(now.missing())).Dur("wait", quiet).
			Msg("Redis came back and may have lost what a worker sent that was killed: nothing leaves but what may be repeated, until the cloud has certainly done with it")
	}
	return c.Ledger.Counted(ctx, now.run, quiet)
}

func names(all []state.Worker) []string {
	named := make([]string, len(all))
	for i, w := range all {
		named[i] = w.String()
	}
	return named
}
