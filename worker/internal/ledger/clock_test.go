package ledger_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// at sets Redis' clock and returns the ledger's time then.
func (b bundle) at(redisTime time.Time) time.Time {
	b.t.Helper()
	b.server.SetTime(redisTime)
	jobstest.Must(b.t, b.Beat(b.t.Context()))
	return b.Now(org).Truncate(time.Second)
}

func (b bundle) clock(field string) string {
	return b.rdb.HGet(b.t.Context(), state.ShardKey(state.Shard(org), "clock"), field).Val()
}

func (b bundle) emptied() bundle {
	b.server.FlushAll()
	return b
}

func TestTheLedgersTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	b := setup(t).emptied()
	if got := b.at(t0); !got.Equal(t0) {
		t.Fatalf("a new ledger's time is %v, want Redis' %v", got, t0)
	}
	if got := b.at(t0.Add(-time.Hour)); !got.Equal(t0) {
		t.Errorf("Redis' clock was put back an hour: %v, want no time before %v", got, t0)
	}
	if got, want := b.at(t0.Add(-time.Hour+time.Minute)), t0.Add(time.Minute); !got.Equal(want) {
		t.Errorf("a minute later: %v, want %v: it must not stand still until Redis has caught up", got, want)
	}
}

func TestRedisAYearAheadForAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t).emptied()
	b.at(t0)
	year := 365 * 24 * time.Hour
	ahead := b.at(t0.Add(year))
	if restarted := b.clock("restarted"); restarted != strconv.FormatInt(ahead.UnixMilli(), 10) {
		t.Errorf("restarted = %q, want the jump to be noticed at %d", restarted, ahead.UnixMilli())
	}
	b.at(t0.Add(year).Add(30 * time.Second))
	back := b.at(t0.Add(time.Minute))
	if back.Before(ahead) {
		t.Errorf("Redis' clock was put right: %v, want nothing before %v", back, ahead)
	}
	if restarted := b.clock("restarted"); restarted != strconv.FormatInt(back.UnixMilli(), 10) {
		t.Errorf("restarted = %q, want the jump back to be noticed at %d", restarted, back.UnixMilli())
	}
	if got, want := b.at(t0.Add(2*time.Minute)), back.Add(time.Minute); !got.Equal(want) {
		t.Errorf("a minute after that: %v, want %v", got, want)
	}
}

func TestABeatInTimeIsNoJump(t *testing.T) {
	t.Parallel()
	b := setup(t).emptied()
	for n := range 20 {
		b.at(t0.Add(time.Duration(n) * ledger.BeatInterval))
	}
	if restarted := b.clock("restarted"); restarted != "" {
		t.Errorf("restarted = %q though nothing jumped", restarted)
	}
}

func TestRevisionsGoOnAboveWhatALostLedgerHadPublished(t *testing.T) {
	t.Parallel()
	b := setup(t).emptied()
	b.at(t0)
	stored := func(jobID string) uint64 {
		t.Helper()
		none := b.None(org, user(1))
		next, _, err := sponsorship.Decide(none, sponsorship.Redeem{Email: "m@example.com"}, sponsorship.Stamp{Now: t0, JobID: jobID})
		jobstest.Must(t, err)
		a, err := b.Accept(t.Context(), jobID, ledger.Write{Before: none.Revision, After: next})
		jobstest.Must(t, err)
		if a.Conflict {
			t.Fatalf("conflict: %+v", a)
		}
		return next.Revision
	}
	before := stored("one")
	b.server.FlushAll() // lost while this program lives, and knows an older floor
	b.server.SetTime(t0.Add(time.Minute))
	none := b.None(org, user(1))
	a, err := b.Accept(t.Context(), "two", ledger.Write{Before: none.Revision, After: pending(1)})
	jobstest.Must(t, err)
	if !a.Conflict {
		t.Fatal("a revision that may have been published was given away again")
	}
	if after := stored("two"); after <= before {
		t.Errorf("revision %d after the loss, want more than %d", after, before)
	}
}

func TestAnotherRunOfRedisRaisesTheFloor(t *testing.T) {
	t.Parallel()
	b := setup(t).emptied()
	b.at(t0)
	conn := b.rdb.(*redis.Client)
	note := func(run string) bool {
		another, err := b.NoteRun(t.Context(), conn, ledger.Run{ID: run, Confirms: true})
		jobstest.Must(t, err)
		return another
	}
	for range 2 {
		if note("first") {
			t.Error("the first run that is heard of counts as another")
		}
	}
	epoch, floor := b.clock("epoch"), b.None(org, user(1)).Revision
	b.server.SetTime(t0.Add(time.Second))
	if !note("second") {
		t.Fatal("the second run was not noticed")
	}
	if b.clock("epoch") == epoch || b.None(org, user(1)).Revision <= floor {
		t.Errorf("epoch %s, floor %d: want both to be new", b.clock("epoch"), b.None(org, user(1)).Revision)
	}
}

// A first answer that was lost must not make its own repeat wait for it.
func TestBeginKnowsItsOwnLease(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.begin("token")
	b.begin("token")
	other, err := b.Begin(t.Context(), org, ledger.Attempt{Token: "another"})
	jobstest.Must(t, err)
	if !other.Busy {
		t.Error("another holder was let in")
	}
}

// A date that was just set must not lie in the future of the next look.
func TestASlowReplyDoesNotMoveTheTimeBack(t *testing.T) {
	t.Parallel()
	b := setup(t).emptied()
	b.server.SetTime(t0)
	last := time.Time{}
	for range 20 {
		jobstest.Must(t, b.Beat(t.Context()))
		now := b.Now(org)
		b.server.SetTime(now.Add(-50 * time.Millisecond)) // as if the next reply took so much longer
		if now.Before(last) {
			t.Fatalf("the time went back from %v to %v", last, now)
		}
		last = now
	}
}

// trips counts how often something waits for Redis.
type trips struct {
	redis.Hook
	n *int
}

func (h trips) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { *h.n++; return next(ctx, cmd) }
}
func (h trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { *h.n++; return next(ctx, cmds) }
}

func TestABeatIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := 0
	b.rdb.AddHook(trips{n: &n})
	jobstest.Must(t, b.Beat(t.Context()))
	first := n
	jobstest.Must(t, b.Beat(t.Context()))
	if first > 2 || n-first != 1 {
		t.Errorf("%d round trips for the first beat, which brings the script, and %d for the second; want one for that", first, n-first)
	}
	for shard := range state.Shards {
		if b.rdb.HGet(t.Context(), state.ShardKey(shard, "clock"), "last").Val() == "" {
			t.Errorf("shard %d was not asked", shard)
		}
	}
	jobstest.Must(t, b.rdb.ScriptFlush(t.Context()).Err())
	jobstest.Must(t, b.Beat(t.Context()))
}
