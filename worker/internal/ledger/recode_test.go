package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// inWords stores records as an older release does.
func (b bundle) inWords(members int) {
	b.t.Helper()
	b.Older = func() bool { return true }
	for n := range members {
		b.accept(n, nil)
	}
	b.Older = func() bool { return false }
}

// packed counts the records of each form.
func (b bundle) packed() (packed, inWords int) {
	b.t.Helper()
	for _, row := range jobstest.Value(b.rdb.HVals(b.t.Context(), state.Key(org, "rows")).Result())(b.t) {
		packed += strings.Count(row, `{"v":2,`)
		inWords += strings.Count(row, `{"v":1,`)
	}
	return packed, inWords
}

func TestWhatAnOlderReleaseStoredTakesTheNewForm(t *testing.T) {
	t.Parallel()
	b := started(t)
	const members = 2*state.ScriptRows + 1
	b.inWords(members)
	s := b.begin("sync")
	b.Older = func() bool { return true }
	jobstest.Equal(t, "beside an older worker", jobstest.Value(s.Recode(t.Context()))(t), 0)
	b.Older = func() bool { return false }
	jobstest.Equal(t, "stored anew", jobstest.Value(s.Recode(t.Context()))(t), members)
	packed, inWords := b.packed()
	jobstest.Equal(t, "packed", packed, members)
	jobstest.Equal(t, "in words", inWords, 0)
	for n, got := range jobstest.Value(b.Get(t.Context(), org, user(0), user(1)))(t) {
		want := pending(n)
		want.JobID = got.JobID
		jobstest.Equal(t, "record", got, want)
	}
}

// A full sync of a large organization that changes nothing must not read it twice.
func TestRecordsAreStoredAnewOnce(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.inWords(1)
	s := b.begin("sync")
	jobstest.Equal(t, "stored anew", jobstest.Value(s.Recode(t.Context()))(t), 1)
	b.rdb.AddHook(refusing{"hscan"})
	jobstest.Equal(t, "once more", jobstest.Value(s.Recode(t.Context()))(t), 0)
}

// refusing fails one command.
type refusing struct{ command string }

func (refusing) DialHook(next redis.DialHook) redis.DialHook { return next }
func (refusing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (r refusing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == r.command {
			return errors.New("refused")
		}
		return next(ctx, cmd)
	}
}

// between runs something once, when a script is about to run.
type between struct {
	refusing
	do *func()
}

func (h between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if do := *h.do; do != nil && strings.HasPrefix(cmd.Name(), "eval") {
			*h.do = nil
			do()
		}
		return next(ctx, cmd)
	}
}

// A record that somebody changes while it is being stored anew keeps the change.
func TestAChangeIsNotOverwrittenByTheFormBefore(t *testing.T) {
	t.Parallel()
	b := started(t)
	b.inWords(2)
	s := b.begin("sync")
	do := func() {
		changed := pending(0)
		changed.Email, changed.Revision = "another@example.com", 2
		jobstest.Must(t, jobstest.Ledger{Redis: b.rdb}.Put(t.Context(), changed))
	}
	b.rdb.AddHook(between{do: &do})
	jobstest.Equal(t, "stored anew", jobstest.Value(s.Recode(t.Context()))(t), 1)
	got := jobstest.Value(b.Get(t.Context(), org, user(0)))(t)[0]
	jobstest.Equal(t, "address", got.Email, "another@example.com")
	jobstest.Equal(t, "status", got.Status, sponsorship.Pending)
}
