package ledger

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/redisnode"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/durable"
)

// durableTries is how often a connection that breaks is replaced: Redis may have
// been restarted since the pool last used it.
const durableTries = 3

// ErrNotDurable says that Redis did not confirm in time that what was written
// survives its own crash; whatever rests on that must not be done.
var ErrNotDurable = durable.ErrNotConfirmed

// durably writes over one connection and returns when what was written there
// survives a crash of Redis, as far as that Redis can say so. write may run more
// than once.
func (l *Ledger) durably(ctx context.Context, org sponsorship.ID, write func(redis.Scripter) error) (err error) {
	for range durableTries {
		var conn *redis.Conn
		if conn, err = l.conn(ctx, org); err != nil {
			return err
		}
		if conn == nil { // a client that cannot say where it writes
			return write(l.rdb)
		}
		if err = write(conn); err == nil {
			err = durable.Confirm(ctx, conn)
		}
		_ = conn.Close() // back into the pool
		if !broken(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// conn takes one connection to where the organization's keys are: only the one
// that wrote can ask whether that is durable.
func (l *Ledger) conn(ctx context.Context, org sponsorship.ID) (*redis.Conn, error) {
	holder, err := redisnode.Holding(ctx, l.rdb, state.Key(org, ""))
	if err != nil || holder == nil {
		return nil, err
	}
	return holder.Conn(), nil
}

// broken tells an error of the connection from one that Redis answered.
func broken(err error) bool {
	var answered redis.Error
	return err != nil && !errors.As(err, &answered) && !errors.Is(err, ErrLeaseLost) && !errors.Is(err, ErrNotDurable) && !errors.Is(err, ErrUncounted)
}
