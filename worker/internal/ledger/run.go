package ledger

import (
	"context"
	"errors"
	"time"
)

// Run is one life of a Redis.
type Run struct {
	ID       string // its run id
	Before   string // the one that this process worked under until now; "" if it has just started
	Confirms bool   // what leaves is certain to be on disk before
}

// NoteRun tells every shard under which run id Redis runs, over a connection that
// nobody else uses yet, and returns whether one knew another. A store that went
// back in time must count on above what it had published, before it is used; and
// where it may have lost marks, this process writes its own again, and nothing
// leaves before the workers are counted.
//
// It sends pipelines: a script by itself would be held up by what waits for this
// very connection (package pipeline).
func (l *Ledger) NoteRun(ctx context.Context, conn Pipeliner, run Run) (another bool, err error) {
	told, err := l.everyShard(ctx, conn, l.scripts.run.Eval, run.ID, run.Before, flag(run.Confirms))
	for _, reply := range told {
		another = another || reply[2] == 1
		if reply[3] == 1 {
			l.memory.uncounted.Store(true)
		}
	}
	if err == nil && run.Before != "" {
		err = l.remark(ctx, conn)
	}
	return another, wrap(err, "note that Redis runs anew")
}

// ErrUncounted says that Redis came back and may have lost what had left, and that
// not every worker has said yet what it sent. It takes some seconds.
var ErrUncounted = errors.New("redis came back and may have lost what had left; nothing leaves before all workers have said what they sent")

// Uncounted reports whether the workers must be counted, as far as this process knows.
func (l *Ledger) Uncounted() bool { return l.memory.uncounted.Load() }

// Counted notes that they are, in the given run. quiet is for how long from its
// beginning nothing leaves that a killed worker may have sent; 0 if none was killed.
func (l *Ledger) Counted(ctx context.Context, run string, quiet time.Duration) error {
	_, err := l.everyShard(ctx, l.rdb, l.scripts.counted.Eval, run, quiet.Milliseconds())
	if err == nil {
		l.memory.uncounted.Store(false)
	}
	return wrap(err, "note that the workers are counted")
}
