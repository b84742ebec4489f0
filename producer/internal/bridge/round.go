package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// waitsFor is how soon an organization is looked at again whose wishes wait for the ledger,
// though nothing changes in the vault.
const waitsFor = 30 * time.Second

// round looks at the organizations that are due. One that fails stays due.
func (b *Bridge) round(ctx context.Context, only []sponsorship.ID) error {
	if len(only) == 0 {
		if err := b.changed(ctx); err != nil {
			b.tell(ctx, "", err)
			return err
		}
		only = b.duties()
	}
	var failures []error
	for _, org := range only {
		plan, err := b.Look(ctx, org)
		b.tell(ctx, org, err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case isUnwritten(err): // all else was done, and the others can be read
			failures = append(failures, fmt.Errorf("organization %s: %w", org, err))
			delete(b.broken, org)
			b.due[org] = b.p.Now().Add(waitsFor)
			continue
		case err != nil:
			failures = append(failures, fmt.Errorf("organization %s: %w", org, err))
			b.misread(ctx, org, err)
		default:
			delete(b.broken, org)
			b.next(org, plan)
		}
		if fault.CodeOf(err) == fault.BridgeDatabaseUnavailable {
			b.tell(ctx, "", err) // the others would wait for it just as long
			return err
		}
	}
	b.tell(ctx, "", nil)
	return errors.Join(failures...)
}

// changed notes which organizations may differ.
func (b *Bridge) changed(ctx context.Context) error {
	asked, err := b.p.Memory.Asked(ctx)
	for _, org := range asked { // whatever comes, these are asked for once only
		b.due[org] = time.Time{}
	}
	if err != nil {
		return err
	}
	changed, err := b.p.Database.Changed(ctx)
	for _, org := range changed {
		b.due[org] = time.Time{}
	}
	return errors.Join(err, b.answered(ctx))
}

// duties are the organizations to look at now, those first that waited longest.
func (b *Bridge) duties() []sponsorship.ID {
	now := b.p.Now()
	var all []sponsorship.ID
	for org, at := range b.due {
		if !at.After(now) {
			all = append(all, org)
		}
	}
	slices.SortFunc(all, func(x, y sponsorship.ID) int { return b.due[x].Compare(b.due[y]) })
	return all
}

// next says when to look again though nothing changes in the vault: for time alone, or the
// ledger, can make something of what is there.
func (b *Bridge) next(org sponsorship.ID, p merge.Plan) {
	now := b.p.Now()
	next := time.Time{}
	sooner := func(at time.Time) {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if len(p.Waiting) > 0 {
		sooner(now.Add(waitsFor))
	}
	if p.Memory.Missing.Equal(now) || len(p.Writes) > 0 { // nothing that was written is taken for done
		sooner(now.Add(b.p.Interval))
	}
	for link := range maps.Values(p.Memory.Links) {
		switch {
		case link.Undo != nil, // its job may turn out never to have reached the queue
			b.p.Rules.Writes && link.Job != "": // what comes of it is to be told, though no status may change
			sooner(now.Add(waitsFor))
		case link.Over:
		case link.Orphaned.Equal(now): // what rests on two tables counts when a second look saw it
			sooner(now.Add(b.p.Interval))
		case !link.Gone.IsZero():
			sooner(link.Gone.Add(b.p.Rules.Grace))
		}
	}
	if delete(b.due, org); !next.IsZero() {
		b.due[org] = next
	}
}

// tell notes for people how the last look at an organization ended, or for an empty one that at
// the database; it logs each failure once, and its end.
func (b *Bridge) tell(ctx context.Context, org sponsorship.ID, err error) {
	if ctx.Err() != nil {
		return // whatever failed, it was cut off
	}
	now, text := b.p.Now(), ""
	if err != nil {
		text = err.Error()
		b.count(err)
	}
	old, told := b.told[org]
	if told && old == text || !told && err == nil && org != "" {
		return
	}
	log := b.p.Log.With().Stringer("organization", org).Logger()
	if err == nil {
		if b.told[org] = ""; told {
			log.Info().Msg("the bridge goes on")
		}
		err = b.p.Memory.Well(ctx, org)
	} else {
		b.told[org] = text
		log.Warn().Err(err).Str("hint", fault.CodeOf(err).Hint()).Msg("the bridge could not look; it tries again")
		err = b.p.Memory.Fail(ctx, org, state.Failure{Error: *asFault(err), At: now})
	}
	if err != nil {
		delete(b.told, org) // note it again
		log.Warn().Err(err).Msg("people do not see how the bridge fares")
	}
}

// rebuilt is longer than the server's migration needs to rebuild a table.
const rebuilt = time.Minute

// misread holds an organization whose tables stay as this bridge does not know them.
func (b *Bridge) misread(ctx context.Context, org sponsorship.ID, err error) {
	if fault.CodeOf(err) != fault.BridgeSchemaUnknown {
		delete(b.broken, org)
		return
	}
	now := b.p.Now()
	since, before := b.broken[org]
	if !before {
		b.broken[org] = now
	}
	if !before || now.Sub(since) < rebuilt {
		return
	}
	_, err = b.p.Memory.Change(ctx, org, now, func(m merge.Memory) merge.Memory {
		if !slices.ContainsFunc(m.Holds, func(h merge.Hold) bool { return h.Reason == fault.HeldSchema }) {
			m.Holds = append(slices.Clone(m.Holds), merge.Hold{Reason: fault.HeldSchema, Since: now})
		}
		return m
	})
	if err != nil {
		b.p.Log.Warn().Err(err).Stringer("organization", org).Msg("the bridge could not note that it does not know the tables")
	}
}

func (b *Bridge) count(err error) {
	if b.p.Metrics.Failed != nil {
		b.p.Metrics.Failed(string(asFault(err).Code))
	}
}

// asFault gives every error a code. What is none of the database's is that Redis was away.
func asFault(err error) *fault.Error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	return fault.Wrap(fault.QueueUnavailable, err, "%s", err)
}
