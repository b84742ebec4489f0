package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// rowsHook counts the members that each script names.
type rowsHook struct{ most *int }

func (h rowsHook) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h rowsHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (h rowsHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.HasPrefix(cmd.Name(), "eval") {
			members := map[string]bool{}
			for _, arg := range cmd.Args() {
				if text := fmt.Sprint(arg); len(text) == 36 && strings.HasPrefix(text, "20000000-") {
					members[text] = true
				}
			}
			*h.most = max(*h.most, len(members))
		}
		return next(ctx, cmd)
	}
}

// A script keeps everybody else waiting: no batch, however large, makes a long one.
func TestNoScriptHandlesManyRows(t *testing.T) {
	t.Parallel()
	b := started(t)
	const members = 1000
	var rows []ledger.Departing
	var ids []sponsorship.ID
	for n := range members {
		b.accept(n, nil)
		rows = append(rows, ledger.Departing{Kind: ledger.Offer, Before: pending(n), After: pending(n)})
		ids = append(ids, user(n))
	}
	most := 0
	b.rdb.AddHook(rowsHook{&most})
	looked := func(what string, err error) {
		t.Helper()
		jobstest.Must(t, err)
		if most != state.ScriptRows {
			t.Errorf("%s: a script handled %d rows, want %d", what, most, state.ScriptRows)
		}
		most = 0
	}
	s := b.begin("sync")
	marked, err := s.Mark(t.Context(), ledger.Departure{Request: "r", Life: time.Minute, Rows: rows})
	looked("mark", err)
	jobstest.Equal(t, "marked", len(marked), members)
	writes := make([]ledger.Write, members)
	for n := range members {
		over := pending(n)
		over.Status, over.Intent, over.Revision = sponsorship.Removed, "", 2
		writes[n] = ledger.Write{Before: 1, After: over}
	}
	stored, err := s.Apply(t.Context(), writes, ledger.Ended{Request: "r", Rows: ids})
	looked("apply", err)
	jobstest.Equal(t, "stored", len(stored), members)
	b.advance(forgetIn + time.Minute)
	jobstest.Equal(t, "forgotten", b.forget(), state.ScriptRows)
	looked("forget", nil)
	_, err = b.Disconnect(t.Context(), org)
	jobstest.Must(t, err)
	looked("erase", b.Erase(t.Context(), org))
}
