package state_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestUnlinkLeavesASponsorshipToEverybody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	vaults := record(1, sponsorship.Sent)
	vaults.Vault = true
	over := record(2, sponsorship.Removed)
	over.Vault = true
	others := record(3, sponsorship.Sent)
	jobstest.Must(t, b.seed.Put(t.Context(), vaults, over, others))
	keys := []sponsorship.ID{user(1), user(2), user(3), user(4)}
	if err := b.Unlink(t.Context(), org, keys...); err == nil {
		t.Fatal("anybody can say what the vault has")
	}
	before := jobstest.Value(b.rdb.ZScore(t.Context(), state.ShardKey(state.Shard(org), "over"), string(org+":"+user(2))).Result())(t)
	jobstest.Must(t, b.Unlink(origin.WithBridge(t.Context()), org, keys...))
	rows := jobstest.Value(b.Get(t.Context(), org, keys...))(t)
	for i, s := range rows[:2] {
		if s.Vault || s.Revision < 2 || s.Status == "" {
			t.Errorf("%d: %+v, want it with another revision and left to everybody", i+1, s)
		}
	}
	jobstest.Equal(t, "revision of what the vault never had", rows[2].Revision, 1)
	jobstest.Equal(t, "status of what does not exist", rows[3].Status, "")
	if again := jobstest.Value(b.rdb.ZScore(t.Context(), state.ShardKey(state.Shard(org), "over"), string(org+":"+user(2))).Result())(t); again <= before {
		t.Error("what is over is not looked at again")
	}
	first := rows[0].Revision
	jobstest.Must(t, b.Unlink(origin.WithUndated(t.Context()), org, keys...))
	jobstest.Equal(t, "revision of one that was unlinked before", jobstest.Value(b.Get(t.Context(), org, user(1)))(t)[0].Revision, first)
}
