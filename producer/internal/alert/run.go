package alert

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs"
)

// Every is the time between two looks at the whole.
const Every = 30 * time.Second

// Params are what an alerter is made of. All are required.
type Params struct {
	Gather func(context.Context) health.Facts
	Redis  redis.UniversalClient
	Post   *Post
	Every  time.Duration
	Log    zerolog.Logger
	Now    func() time.Time
}

// Alerter is the loop.
type Alerter struct {
	p      Params
	memory memory
	seen   map[string]time.Time // what the last look found, and since when
	down   bool                 // the last delivery failed
}

// New returns an alerter; nothing is told before [Alerter.Run].
func New(p Params) *Alerter {
	return &Alerter{p: p, memory: memory{rdb: p.Redis}, seen: map[string]time.Time{}}
}

// Run looks and tells until ctx ends.
func (a *Alerter) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := a.round(ctx); ctx.Err() == nil {
			a.note(err)
		}
		_ = jobs.Sleep(ctx, a.p.Every) // the loop looks at ctx itself
	}
	return nil
}

// note tells the log once an outage, not at every attempt.
func (a *Alerter) note(err error) {
	switch failed := err != nil; {
	case failed && !a.down:
		a.p.Log.Warn().Err(err).Msg("an alert was not delivered; it is tried again")
	case !failed && a.down:
		a.p.Log.Info().Msg("alerts are delivered again")
	}
	a.down = err != nil
}

func (a *Alerter) round(ctx context.Context) error {
	now := a.p.Now()
	facts := a.p.Gather(ctx)
	open := a.lasting(Of(facts), now)
	before := a.memory.load(ctx)
	if facts.Redis != nil { // what cannot be seen is not over
		open = append(open, unseen(open, before)...)
	}
	m := plan(open, before, now).bounded()
	if m.empty() || !a.memory.turn(ctx, 2*postTimeout) {
		return nil
	}
	defer a.memory.yield(context.WithoutCancel(ctx))
	if m = plan(open, a.memory.load(ctx), now).bounded(); m.empty() { // another was faster
		return nil
	}
	if err := a.p.Post.send(ctx, m, now); err != nil {
		return err
	}
	if err := a.memory.keep(ctx, m, now); err != nil && facts.Redis == nil {
		return err
	}
	return nil
}

// lasting leaves out what the look before had not found: a worker that is being
// replaced is no news.
func (a *Alerter) lasting(found []Alert, now time.Time) []Alert {
	seen := map[string]time.Time{}
	var all []Alert
	for _, one := range found {
		since, before := a.seen[one.key()]
		if !before {
			since = now
		}
		seen[one.key()] = since
		if one.Since = since.UTC(); before {
			all = append(all, one)
		}
	}
	a.seen = seen
	return all
}

func unseen(open []Alert, before map[string]told) []Alert {
	here := map[string]bool{}
	for _, a := range open {
		here[a.key()] = true
	}
	var all []Alert
	for key, t := range before {
		if !here[key] {
			all = append(all, t.Alert)
		}
	}
	return all
}
