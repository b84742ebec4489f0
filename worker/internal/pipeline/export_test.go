package pipeline

import "github.com/redis/go-redis/v9"

// Watch adds hooks, nearest to the server, to what leaves alone and to what
// leaves in batches.
func (c *Client) Watch(alone, batches redis.Hook) {
	c.AddHook(alone)
	c.batches.AddHook(batches)
}

// Waiting returns how many callers have lined up.
func (c *Client) Waiting() int {
	c.hook.mu.Lock()
	defer c.hook.mu.Unlock()
	return len(c.hook.waiting)
}
