package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/audit"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// pause lies between two writes, in which the server's own writers come through: SQLite has
// one lock for all, and nobody queues for it.
const pause = 10 * time.Millisecond

// unwritten is the error of a look that did all but write to the vault.
type unwritten struct{ error }

func (u unwritten) Unwrap() error { return u.error }

func isUnwritten(err error) bool {
	_, is := errors.AsType[unwritten](err)
	return is
}

// write tells the vault what became of its rows, one statement at a time, and remembers
// what was written. What it remembers matters to nobody but people: the next look sees
// what is there.
func (b *Bridge) write(ctx context.Context, s sight, kept memory.Kept, p merge.Plan) error {
	var all []merge.Done
	var failed error
	for i, w := range p.Writes {
		if i > 0 && jobs.Sleep(ctx, pause) != nil {
			return ctx.Err() // perhaps another bridge works by now
		}
		outcome, err := b.p.Database.Write(ctx, s.look.Vault.Organization, w.Write)
		if err != nil {
			failed = unwritten{err}
			break
		}
		b.audit(s.look.Vault.Organization, w, outcome)
		all = append(all, merge.Done{Write: w, Outcome: outcome})
	}
	if _, err := b.p.Memory.Save(ctx, kept, merge.Wrote(p.Memory, all, s.look.Now), s.look.Now); err != nil {
		return err
	}
	return failed
}

// audit leaves a line of each write: nobody asked for it but the bridge.
func (b *Bridge) audit(org sponsorship.ID, w merge.Write, o vault.Outcome) {
	what := "update"
	if w.Delete {
		what = "delete"
	}
	if b.p.Metrics.Wrote != nil {
		b.p.Metrics.Wrote(what, o)
	}
	audit.Note(b.p.Log, "bridge", audit.Deed{
		Action: what + " row", Organization: org, User: w.User, Row: w.Was.ID, Columns: w.Columns(), Outcome: string(o),
	})
}

// feel notes how the ledger is before a look reads it.
func (b *Bridge) feel(ctx context.Context, org sponsorship.ID) error {
	if !b.p.Rules.Writes {
		return nil
	}
	pulse, err := b.p.Ledger.Pulse(ctx, org)
	if err == nil {
		b.pulse[org] = pulse[org]
	}
	return err
}

// answered notes the organizations of which the cloud, or a worker, has said something since
// the last look: the vault is to be told.
func (b *Bridge) answered(ctx context.Context) error {
	var all []sponsorship.ID
	for org := range b.pulse {
		all = append(all, org)
	}
	pulse, err := b.p.Ledger.Pulse(ctx, all...)
	for org, now := range pulse {
		if now != b.pulse[org] {
			b.due[org] = time.Time{}
		}
	}
	return err
}
