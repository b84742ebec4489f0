package ledger

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// memory is what this process knows of its own requests that have not ended, or
// whose end is not stored: should Redis forget them, it is told again.
type memory struct {
	uncounted atomic.Bool // see Ledger.Uncounted

	mu   sync.Mutex
	left map[string]departed // by request
}

// departed is a request that left, or is about to.
type departed struct {
	org     sponsorship.ID
	request string
	life    time.Duration
	began   time.Time // with its monotonic part
	rows    []Departing
}

// left are the rows that may leave.
func left(rows []Departing, marked []Marked) []Departing {
	var going []Departing
	for i, m := range marked {
		if m.Left {
			going = append(going, rows[i])
		}
	}
	return going
}

func (m *memory) begin(d departed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == nil {
		m.left = map[string]departed{}
	}
	m.left[d.request] = d
	m.drop()
}

// end forgets rows of a request that has ended.
func (m *memory) end(request string, ended []sponsorship.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, known := m.left[request]
	if !known {
		return
	}
	gone := make(map[sponsorship.ID]bool, len(ended))
	for _, id := range ended {
		gone[id] = true
	}
	d.rows = slices.DeleteFunc(d.rows, func(row Departing) bool { return gone[row.Before.UserID] })
	m.left[request] = d
	m.drop()
}

// drop forgets what is certain to have ended.
func (m *memory) drop() {
	maps.DeleteFunc(m.left, func(_ string, d departed) bool { return len(d.rows) == 0 || time.Since(d.began) > d.life })
}

func (m *memory) all() []departed {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop()
	all := slices.Collect(maps.Values(m.left))
	for i := range all {
		all[i].rows = slices.Clone(all[i].rows)
	}
	return all
}

// Owes reports whether a request of this process has not ended, or its end is not
// stored.
func (l *Ledger) Owes() bool { return len(l.memory.all()) > 0 }

// remark writes again what this process knows of its requests, over a connection
// that nobody else uses yet.
func (l *Ledger) remark(ctx context.Context, conn Pipeliner) error {
	pipe := conn.Pipeline()
	for _, d := range l.memory.all() {
		for rows := range slices.Chunk(d.rows, state.ScriptRows) {
			if err := l.remarkRows(ctx, pipe, d, rows); err != nil {
				return err
			}
		}
	}
	if pipe.Len() == 0 {
		return nil
	}
	_, err := pipe.Exec(ctx)
	return err
}

func (l *Ledger) remarkRows(ctx context.Context, pipe redis.Pipeliner, d departed, rows []Departing) error {
	args := []any{d.request, d.life.Milliseconds(), len(rows)}
	for _, row := range rows {
		args = append(args, string(row.Kind), row.After.Revision)
		w := Write{Before: l.clocks.floor(state.Shard(d.org)), After: row.After}
		w.After.Revision = w.Before + 1 // what was published meanwhile is below the floor
		more, err := l.args(ctx, w)
		if err != nil {
			return err
		}
		args = append(args, more[:len(more)-len(eventArgs(ctx, nil))]...)
	}
	l.scripts.remark.Eval(ctx, pipe, state.Keys(d.org, ""), args...)
	return nil
}
