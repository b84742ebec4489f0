package registry_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type bundle struct {
	*testing.T
	server *miniredis.Miniredis
	rdb    *redis.Client
	ledger *state.Ledger
}

func setup(t *testing.T) bundle {
	t.Helper()
	server := miniredis.RunT(t)
	server.SetTime(noon)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	return bundle{t, server, rdb, state.New(rdb, nil)}
}

// entry is of a worker whose own clock is a year ahead: only Redis' counts.
func (b bundle) entry(id string) *registry.Entry {
	b.Helper()
	return jobstest.Value(registry.New(registry.Params{
		Redis: b.rdb, ID: id, Version: "1.2.3", Run: func() string { return "run" }, Servers: 6, Skew: func() time.Duration { return -time.Hour },
		Now: func() time.Time { return noon.AddDate(1, 0, 0) },
	}))(b)
}

func (b bundle) workers() map[string]state.Worker {
	b.Helper()
	all := map[string]state.Worker{}
	for _, w := range jobstest.Value(b.ledger.Workers(b.Context()))(b) {
		all[w.ID] = w
	}
	return all
}

func TestAWorkerLivesForTenSecondsAfterABeat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.entry("one").Beat(t.Context()))
	w := b.workers()["one"]
	if !w.Lives || w.Version != "1.2.3" || w.Safety != registry.Safety || w.Run != "run" || w.Host == "" || w.PID != os.Getpid() || w.Servers != 6 || w.Skew() != -time.Hour || !w.LastBeat.Equal(noon) {
		t.Errorf("%+v", w)
	}
	b.server.SetTime(noon.Add(state.WorkerLife))
	if w := b.workers()["one"]; !w.Lives {
		t.Error("it is taken for gone after ten seconds")
	}
	b.server.SetTime(noon.Add(state.WorkerLife + time.Millisecond))
	if w, listed := b.workers()["one"]; w.Lives || !listed {
		t.Errorf("%+v, %v: it must be listed, as one that does not live", w, listed)
	}
}

// Redis' clock was ahead for a minute when the worker was killed.
func TestABeatOfTheFutureIsNoLife(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.server.SetTime(noon.AddDate(1, 0, 0))
	jobstest.Must(t, b.entry("killed").Beat(t.Context()))
	b.server.SetTime(noon)
	if w := b.workers()["killed"]; w.Lives {
		t.Errorf("%+v lives for a year", w)
	}
}

func TestAKilledWorkerIsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.entry("killed").Beat(t.Context()))
	other := b.entry("other")
	b.server.SetTime(noon.Add(24 * time.Hour))
	jobstest.Must(t, other.Beat(t.Context()))
	if all := b.workers(); len(all) != 2 {
		t.Errorf("%v after a day, want both", all)
	}
	b.server.SetTime(noon.Add(24*time.Hour + time.Second))
	jobstest.Must(t, other.Beat(t.Context()))
	if all := b.workers(); len(all) != 1 || !all["other"].Lives {
		t.Errorf("%v after more than a day", all)
	}
}

func TestAnEntryThatIsDatedFarAheadIsForgottenToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.server.SetTime(noon.AddDate(1, 0, 0))
	jobstest.Must(t, b.entry("killed").Beat(t.Context()))
	b.server.SetTime(noon)
	jobstest.Must(t, b.entry("other").Beat(t.Context()))
	if all := b.workers(); len(all) != 1 {
		t.Errorf("%v are listed, want only the one that beats", all)
	}
}

func TestWhoHasDrainedSignsOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := b.entry("one")
	jobstest.Must(t, one.Beat(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	one.Keep(ctx)
	if all := b.workers(); len(all) != 0 {
		t.Errorf("%v are listed", all)
	}
}

func TestAnEntryThatNobodyCanReadIsLeftOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.WorkersKey, "strange", "what", "newer", "1 {\"id\":\"newer\",\"more\":1}").Err())
	if all := b.workers(); len(all) != 1 || all["newer"].ID != "newer" {
		t.Errorf("%v", all)
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := registry.New(registry.Params{}); err == nil {
		t.Error("an entry without parts was made")
	}
}

// ledgerOf is what a counter asks of the ledger.
type ledgerOf struct {
	*state.Ledger
	uncounted bool
	quiet     []time.Duration
}

func (l *ledgerOf) Uncounted() bool { return l.uncounted }
func (l *ledgerOf) Counted(_ context.Context, _ string, quiet time.Duration) error {
	l.uncounted, l.quiet = false, append(l.quiet, quiet)
	return nil
}

// Redis was emptied under two workers, one of which was killed with it: the other one
// knows of it.
func TestAListThatCameBackEmptyIsWholeAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := "one"
	entry := jobstest.Value(registry.New(registry.Params{
		Redis: b.rdb, ID: "living", Run: func() string { return run }, Now: func() time.Time { return noon },
	}))(b)
	jobstest.Must(t, entry.Beat(t.Context()))
	jobstest.Must(t, b.entry("killed").Beat(t.Context()))
	l := &ledgerOf{Ledger: b.ledger}
	counter := registry.Counter{Ledger: l, Entry: entry, Life: 7 * time.Minute}
	jobstest.Must(t, registry.Look(&counter, t.Context()))
	b.server.FlushAll()
	run, l.uncounted = "two", true
	jobstest.Must(t, registry.Look(&counter, t.Context()))
	if all := b.workers(); all["living"].Run != "two" || all["killed"].Run != "run" {
		t.Errorf("listed are %+v", all)
	}
	if len(l.quiet) != 0 {
		t.Fatal("it was counted before the other one had time to come back")
	}
	registry.Wait(&counter, state.WorkerLife)
	jobstest.Must(t, registry.Look(&counter, t.Context()))
	if len(l.quiet) != 1 || l.quiet[0] != 7*time.Minute {
		t.Errorf("quiet for %v, want once, for as long as the cloud may be at work", l.quiet)
	}
}

func TestWhoOwesAnAnswerDoesNotSignOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	entry := jobstest.Value(registry.New(registry.Params{
		Redis: b.rdb, ID: "owing", Run: func() string { return "run" }, Now: func() time.Time { return noon }, Owes: func() bool { return true },
	}))(b)
	jobstest.Must(t, entry.Beat(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	entry.Keep(ctx)
	if _, listed := b.workers()["owing"]; !listed {
		t.Error("nobody knows any more that the cloud may be at work for it")
	}
}
