package registry

import (
	"context"
	"time"
)

// Look is one look of a counter.
func Look(c *Counter, ctx context.Context) error { return c.look(ctx) }

// Wait lets time go by for a count that goes on.
func Wait(c *Counter, d time.Duration) { c.since = c.since.Add(-d) }
