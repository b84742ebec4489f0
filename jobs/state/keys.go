package state

import (
	"fmt"
	"hash/fnv"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Shards is the number of outboxes that organisations are spread over. It is
// part of the key names and never changes.
const Shards = 16

// Shard returns the shard of an organisation, from 0 to Shards-1.
func Shard(org sponsorship.ID) int {
	h := fnv.New32a()
	h.Write([]byte(org))
	return int(h.Sum32() % Shards)
}

func shardKey(shard int, name string) string {
	return fmt.Sprintf("sponsorsync:{%02d}:%s", shard, name)
}

func orgKey(org sponsorship.ID, name string) string {
	key := shardKey(Shard(org), "org:"+string(org))
	if name == "" {
		return key
	}
	return key + ":" + name
}

// markerKey remembers that a job was applied, so that a second delivery of it
// changes nothing.
func markerKey(org sponsorship.ID, jobID string) string {
	return shardKey(Shard(org), "job:"+jobID)
}

func statusKey(org sponsorship.ID, s sponsorship.Status) string {
	return orgKey(org, "status:"+string(s))
}

// keys returns the KEYS of every script, in the order of lua/prelude.lua.
func keys(org sponsorship.ID, jobID string) []string {
	shard := Shard(org)
	all := []string{
		orgKey(org, ""), orgKey(org, "rows"), orgKey(org, "due"), orgKey(org, "lease"),
		shardKey(shard, "orgs"), shardKey(shard, "work"), shardKey(shard, "schedule"), shardKey(shard, "outbox"),
		markerKey(org, jobID),
	}
	for _, s := range sponsorship.Statuses() {
		all = append(all, statusKey(org, s))
	}
	return all
}
