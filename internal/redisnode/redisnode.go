// Package redisnode finds the single Redis behind a client of one or of many: the one
// that holds a key, or all that hold something. A Cluster sends a command without a key,
// such as INFO or TIME, to any of its nodes; who asks how a Redis is must say which.
//
// It sends nothing by itself but what finds the nodes.
package redisnode

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Holding returns the client of the Redis that holds a key, which stays rdb's to close;
// or nil for a client that is of neither kind.
func Holding(ctx context.Context, rdb redis.UniversalClient, key string) (*redis.Client, error) {
	switch c := rdb.(type) {
	case *redis.Client:
		return c, nil
	case *redis.ClusterClient:
		master, err := c.MasterForKey(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("find the node of the Redis Cluster that holds %s: %w", key, err)
		}
		return master, nil
	}
	return nil, nil
}

// Look asks the Cluster anew where its keys are: a node has said that it does not hold
// one. Of a single Redis it does nothing.
func Look(ctx context.Context, rdb redis.UniversalClient) {
	if c, is := rdb.(*redis.ClusterClient); is {
		c.ReloadState(ctx)
	}
}

// Clustered reports whether keys may lie on several nodes.
func Clustered(rdb redis.UniversalClient) bool {
	_, is := rdb.(*redis.ClusterClient)
	return is
}

// Each calls do for every Redis that holds keys, one after the other, until one returns
// an error. Of a Cluster, a master that is known to have failed is among them.
func Each(ctx context.Context, rdb redis.UniversalClient, do func(context.Context, redis.UniversalClient) error) error {
	c, is := rdb.(*redis.ClusterClient)
	if !is {
		return do(ctx, rdb)
	}
	masters := make(chan *redis.Client, 1<<14) // there are no more slots
	if err := c.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error {
		masters <- master
		return nil
	}); err != nil {
		return fmt.Errorf("list the masters of the Redis Cluster: %w", err)
	}
	close(masters)
	for master := range masters {
		if err := do(ctx, master); err != nil {
			return err
		}
	}
	return nil
}
