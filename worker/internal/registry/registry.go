// Package registry says in Redis that a worker lives: which version it is, what it
// promises to those beside it, and under which run of Redis it works. A worker signs
// off once it has drained, so one that neither lives nor signed off was killed and
// may have left requests behind. Everybody reads with [state.Ledger.Workers].
//
// When Redis comes back as another run and cannot confirm what it had on disk, the
// workers are counted, for marks of what had left may be lost with its last second,
// or with all since the copy that was put back. The rule:
//
//   - A worker is listed before its first request, and, where only that helps, waits
//     until its entry must be on disk and its peers have read it (see [Settling]). It
//     signs off once it has drained and no request of its is open.
//   - A worker that lived through it writes its own marks again before it does
//     anything else (package ledger), lists itself under the new run, and lists the
//     peers that it had seen: a list that came back empty or old is whole again.
//   - Nothing leaves until all who are listed or were seen work under the new run. A
//     worker that has just started saw nobody: it gives the others the time in which
//     each living one beats.
//   - One that does not show up in that time was killed: for as long as the cloud may
//     be at work on its last request nothing leaves but what may be repeated. One that
//     had been silent for longer than that when the others beat last is none of those.
//
// What no list can tell: of a copy that is older than all its workers, with none of
// them alive, nobody knows who sent what. It holds no lock.
package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Safety is what this version promises to workers beside it. It is raised when one
// that lacks a promise must not send at the same time. A release that does not
// register has none; level 1 reads records in words only, so until it has ended they
// are stored so.
const Safety = state.PackedSafety

// Interval is between two beats: a worker that misses one still lives.
const Interval = state.WorkerLife / 2

const (
	// remembered is how long a worker that was killed stays listed.
	remembered = 24 * time.Hour
	// farewell bounds the last words to a Redis that may be away.
	farewell = 2 * time.Second
)

// beatScript dates the entry ARGV[2] of worker ARGV[1], and drops those that have
// been silent for ARGV[3] ms, or were dated that far ahead of Redis' clock.
const beatScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
	local beat = tonumber(string.match(all[i + 1], '^%d+') or '0')
	if math.abs(now - beat) > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return 1`

// Params are an entry's parts; Redis, ID and Run are required.
type Params struct {
	Redis   redis.UniversalClient
	ID      string        // never the same twice
	Version string        // of the program
	Run     func() string // names the run of Redis that the worker reached last; "" if it has no name
	Servers int           // of the queue that it runs at most, as asynq lists them
	Now     func() time.Time
	Skew    func() time.Duration // how far the ledger's clock is ahead of this machine's; nil: not measured
	Log     zerolog.Logger
	// Owes: a request of this worker has not ended; then it does not sign off. nil:
	// never.
	Owes func() bool
}

// Entry is a worker's place in the registry.
type Entry struct {
	p      Params
	script *redis.Script
	self   state.Worker
}

// New returns an error when a part is missing.
func New(p Params) (*Entry, error) {
	if p.Redis == nil || p.ID == "" || p.Run == nil || p.Now == nil {
		return nil, errors.New("make registry entry: Redis, an id, a run and a clock are needed")
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host" // as asynq has it
	}
	self := state.Worker{
		ID: p.ID, Version: p.Version, Safety: Safety, StartedAt: p.Now().UTC(),
		Host: host, PID: os.Getpid(), Servers: p.Servers,
	}
	return &Entry{p: p, script: redis.NewScript(beatScript), self: self}, nil
}

// Beat says that the worker lives. Call it before the first request leaves.
func (e *Entry) Beat(ctx context.Context) error {
	self := e.self
	self.Run = e.p.Run()
	if e.p.Skew != nil {
		self.SkewMS = e.p.Skew().Milliseconds()
	}
	text, err := state.EncodeWorker(self)
	if err == nil {
		err = e.script.Run(ctx, e.p.Redis, []string{state.WorkersKey}, e.p.ID, text, remembered.Milliseconds()).Err()
	}
	if err != nil {
		return fmt.Errorf("register worker %s: %w", e.p.ID, err)
	}
	return nil
}

// Vouch lists workers that Redis has forgotten, as they were when they were seen last.
func (e *Entry) Vouch(ctx context.Context, peers []state.Worker) error {
	for _, w := range peers {
		text, err := state.EncodeWorker(w)
		if err == nil {
			err = e.p.Redis.HSetNX(ctx, state.WorkersKey, w.ID, fmt.Sprintf("%d %s", w.LastBeat.UnixMilli(), text)).Err()
		}
		if err != nil {
			return fmt.Errorf("vouch for worker %s: %w", w.ID, err)
		}
	}
	return nil
}

// Keep beats until ctx ends, and then signs off. End ctx only after the worker has
// drained. A failure is told when it begins.
func (e *Entry) Keep(ctx context.Context) {
	for away := false; jobs.Sleep(ctx, Interval) == nil; {
		bounded, cancel := context.WithTimeout(ctx, Interval)
		err := e.Beat(bounded)
		cancel()
		if err != nil && !away && ctx.Err() == nil {
			e.p.Log.Warn().Err(err).Msg("others take this worker for gone")
		}
		away = err != nil
	}
	if e.p.Owes != nil && e.p.Owes() {
		e.p.Log.Warn().Msg("the worker stays listed: the cloud may be at work on a request of its still")
		return
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := e.p.Redis.HDel(bounded, state.WorkersKey, e.p.ID).Err(); err != nil {
		e.p.Log.Warn().Err(err).Msg("the worker could not sign off: others will take it for killed")
	}
}
