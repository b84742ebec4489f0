package state_test

import (
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// elsewhere is an organization of another shard.
func elsewhere(t *testing.T) sponsorship.ID {
	t.Helper()
	for n := range 100 {
		if id := user(n); state.Shard(id) != state.Shard(org) {
			return id
		}
	}
	t.Fatal("all are in one shard")
	return ""
}

func TestAFullOutboxAdmitsNoJobsOfItsShard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.OutboxLimit = 100
	other := elsewhere(t)
	shard := state.Shard(org)
	jobstest.FillOutbox(t, b.rdb, shard, 85)
	jobstest.Must(t, b.Admit(t.Context(), other, org, org))
	fill := jobstest.Value(b.OutboxFill(t.Context()))(t)
	jobstest.Equal(t, "near", state.OutboxWord(fill), "85 % full; at 100 % no new jobs are taken, and no sync begins")
	jobstest.Equal(t, "room", jobstest.Value(b.OutboxRoom(t.Context(), org))(t), 15)

	jobstest.FillOutbox(t, b.rdb, shard, 15)
	jobstest.Equal(t, "admission", fault.CodeOf(b.Admit(t.Context(), other, org)), fault.StoreFull)
	jobstest.Must(t, b.Admit(t.Context(), other))
	fill = jobstest.Value(b.OutboxFill(t.Context()))(t)
	if word := state.OutboxWord(fill); !strings.HasPrefix(word, "full") {
		t.Errorf("at the limit it is %q", word)
	}
	jobstest.Equal(t, "length", jobstest.Value(b.OutboxLength(t.Context()))(t), 100)
}
