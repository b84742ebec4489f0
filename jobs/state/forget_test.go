package state_test

import (
	"context"
	"slices"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// cluster is two nodes, each with half of the slots.
func cluster(t *testing.T) (*redis.ClusterClient, []*miniredis.Miniredis) {
	t.Helper()
	nodes := []*miniredis.Miniredis{miniredis.RunT(t), miniredis.RunT(t)}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
		return []redis.ClusterSlot{
			{Start: 0, End: 8191, Nodes: []redis.ClusterNode{{Addr: nodes[0].Addr()}}},
			{Start: 8192, End: 16383, Nodes: []redis.ClusterNode{{Addr: nodes[1].Addr()}}},
		}, nil
	}})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb, nodes
}

func TestEraseFindsTheKeysWhicheverNodeHoldsThem(t *testing.T) {
	t.Parallel()
	rdb, nodes := cluster(t)
	ledger := state.New(rdb, nil)
	used := [2]bool{}
	for n := range 8 {
		org := sponsorship.ID("10000000-0000-4000-8000-00000000000" + string(rune('1'+n)))
		mine := []string{state.OrderKey(org, user(1)), state.Key(org, "whatever")}
		for _, key := range mine {
			jobstest.Must(t, rdb.Set(t.Context(), key, "x", 0).Err())
		}
		for i, node := range nodes {
			used[i] = used[i] || node.Exists(mine[0])
		}
		jobstest.Must(t, ledger.Erase(t.Context(), org))
		for _, node := range nodes {
			if slices.ContainsFunc(node.Keys(), func(key string) bool { return slices.Contains(mine, key) }) {
				t.Errorf("of %s there is still %v", org, node.Keys())
			}
		}
	}
	if !used[0] || !used[1] {
		t.Error("one of the nodes held nothing")
	}
}
