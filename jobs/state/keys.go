package state

import (
	"fmt"
	"hash/fnv"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Shards is the number of outboxes that organizations are spread over. It is
// part of the key names and never changes.
const Shards = 16

// statusKeys are the statuses whose indexes are KEYS 10 to 16 of a script, as
// lua/prelude.lua names them. Never reorder them: a script would file rows under
// the wrong status.
var statusKeys = [...]sponsorship.Status{
	sponsorship.Pending, sponsorship.Sent, sponsorship.Redeemed, sponsorship.Expiring,
	sponsorship.Removed, sponsorship.Refused, sponsorship.Expired,
}

// Shard returns the shard of an organization, from 0 to Shards-1.
func Shard(org sponsorship.ID) int {
	h := fnv.New32a()
	h.Write([]byte(org))
	return int(h.Sum32() % Shards)
}

// ShardKey is the key of something that the organizations of a shard share.
func ShardKey(shard int, name string) string {
	return fmt.Sprintf("sponsorsync:{%02d}:%s", shard, name)
}

// Key is the key of something of an organization: rows, due, lease, or "" for
// its own hash.
func Key(org sponsorship.ID, name string) string {
	key := ShardKey(Shard(org), "org:"+string(org))
	if name == "" {
		return key
	}
	return key + ":" + name
}

// MarkerKey remembers that a job was applied, so that a second delivery of it
// changes nothing.
func MarkerKey(org sponsorship.ID, jobID string) string {
	return ShardKey(Shard(org), "job:"+jobID)
}

// RecordKey is the key of what is kept of a job beside the queue; see package
// record.
func RecordKey(org sponsorship.ID, jobID string) string {
	return ShardKey(Shard(org), "record:"+jobID)
}

// OrderKey is the list of the jobs of one sponsorship that have not ended, in the
// order in which they take effect.
func OrderKey(org, user sponsorship.ID) string { return Key(org, "order:"+string(user)) }

// Turn is a job that is to end, and the sponsorship in whose order it has its turn.
type Turn struct {
	User  sponsorship.ID
	JobID string
}

// TurnKeys returns the KEYS of a [Script] that ends jobs: [Keys], what the order of jobs
// rests on, and three for each of them.
func TurnKeys(org sponsorship.ID, turns ...Turn) []string {
	all := append(Keys(org, ""), Key(org, "applied"), ShardKey(Shard(org), "refused"))
	for _, t := range turns {
		all = append(all, OrderKey(org, t.User), RecordKey(org, t.JobID), MarkerKey(org, t.JobID))
	}
	return all
}

// disconnectedKey is the set of the shard's organizations that a person has
// disconnected. It outlives all else that is known of them.
func disconnectedKey(org sponsorship.ID) string { return ShardKey(Shard(org), "disconnected") }

// StatusKey is the key of the index of one status: ids, by name.
func StatusKey(org sponsorship.ID, s sponsorship.Status) string {
	return Key(org, "status:"+string(s))
}

// Keys returns the KEYS of every [Script], in the order of lua/prelude.lua.
func Keys(org sponsorship.ID, jobID string) []string { return keys(Shard(org), org, jobID) }

// ShardKeys returns the KEYS of a [Script] that is about a shard, and no
// organization of it.
func ShardKeys(shard int) []string { return keys(shard, "", "") }

func keys(shard int, org sponsorship.ID, jobID string) []string {
	hash := ShardKey(shard, "org:"+string(org))
	all := []string{
		hash, hash + ":rows", hash + ":due", hash + ":lease",
		ShardKey(shard, "orgs"), ShardKey(shard, "work"), ShardKey(shard, "schedule"), ShardKey(shard, "outbox"),
		ShardKey(shard, "job:"+jobID),
	}
	for _, s := range statusKeys {
		all = append(all, hash+":status:"+string(s))
	}
	return append(all, ShardKey(shard, "clock"), hash+":inflight", ShardKey(shard, "over"))
}
