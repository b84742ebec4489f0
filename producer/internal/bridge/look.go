package bridge

import (
	"context"
	"errors"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/connection"
)

// overtaken bounds how often a look begins again because somebody wrote the memory meanwhile.
const overtaken = 3

// Look looks at one organization and carries out what follows. It does nothing for one that a
// person has disconnected. Whatever it is cut off by, a later look makes good.
func (b *Bridge) Look(ctx context.Context, org sponsorship.ID) (merge.Plan, error) {
	for n := 1; ; n++ {
		s, err := b.see(ctx, org)
		if err != nil || s.known.Disconnected {
			return merge.Plan{}, err
		}
		plan := merge.Merge(s.look)
		err = b.carryOut(ctx, s, plan)
		if errors.Is(err, memory.ErrOvertaken) && n < overtaken {
			continue
		}
		if err == nil && b.p.Metrics.Looked != nil {
			b.p.Metrics.Looked()
		}
		return plan, err
	}
}

// Preview is what a look would do.
type Preview struct {
	merge.Plan
	Name         string // of the organization, where it may be read
	Disconnected bool   // a person has ended it here: nothing is done
}

// Preview plans as Look does, with a memory that edit has changed, and does nothing of it. A nil edit
// changes nothing.
func (b *Bridge) Preview(ctx context.Context, org sponsorship.ID, edit func(merge.Memory) merge.Memory) (Preview, error) {
	s, err := b.see(ctx, org)
	if err != nil {
		return Preview{}, err
	}
	if edit != nil {
		s.look.Memory = edit(s.look.Memory)
	}
	return Preview{Plan: merge.Merge(s.look), Name: s.look.Vault.Name, Disconnected: s.known.Disconnected}, nil
}

// sight is all that one look saw.
type sight struct {
	look  merge.Look
	kept  memory.Kept
	known state.Organization
}

// see reads the vault first and the ledger last: what the ledger has is never older than what
// is known of the jobs that led to it.
func (b *Bridge) see(ctx context.Context, org sponsorship.ID) (s sight, err error) {
	if s.known, _, err = b.p.Ledger.Organization(ctx, org); err != nil {
		return s, err
	}
	s.look = merge.Look{Now: b.p.Now(), Rules: b.p.Rules}
	if err = b.feel(ctx, org); err != nil {
		return s, err
	}
	if s.look.Vault, err = b.p.Database.Read(ctx, org); err != nil {
		return s, err
	}
	if s.kept, err = b.p.Memory.Load(ctx, org); err != nil {
		return s, err
	}
	s.look.Memory, s.look.Rules.Digest = s.kept.Memory, s.kept.Digest
	if !s.known.Connected {
		s.look.Memory.Secrets = "" // whatever the ledger was handed, it has it no more
	}
	if s.look.Open, err = b.p.Queue.Open(ctx, org, s.kept.Memory.Named()); err != nil {
		return s, err
	}
	s.look.Memory = merge.Reached(s.look.Memory, s.look.Open)
	s.look.Ledger, err = b.entries(ctx, s.look)
	return s, err
}

// carryOut does what a plan says. It remembers whom its jobs are about before it sends
// them, and the rest after; then it writes to the vault.
func (b *Bridge) carryOut(ctx context.Context, s sight, p merge.Plan) error {
	if s.kept.New && p.Memory.TakenOver.IsZero() && p.Connect == nil && len(p.Jobs)+len(p.Memory.Holds) == 0 {
		return nil // an organization that was never connected to the cloud is none of ours
	}
	if p.Memory.Begun.IsZero() && !p.Memory.TakenOver.IsZero() {
		p.Memory.Begun = s.look.Now
	}
	// Should this look be cut off, a later one must not take it for a memory that was lost.
	kept, err := b.p.Memory.Begin(ctx, s.kept, merge.Memory{Begun: p.Memory.Begun})
	if err == nil {
		err = b.connect(ctx, s, p)
	}
	if errors.Is(err, state.ErrDisconnected) {
		return nil // just now; nothing is done for it any more
	}
	if err == nil && len(p.Jobs) > 0 {
		kept, err = b.p.Memory.Save(ctx, kept, p.Asked(s.look.Memory), s.look.Now)
	}
	if err == nil {
		err = b.send(ctx, p.Jobs)
	}
	if err == nil && len(p.Unlink) > 0 {
		err = b.p.Ledger.Unlink(origin.WithBridge(ctx), s.look.Vault.Organization, p.Unlink...)
	}
	if err == nil {
		kept, err = b.p.Memory.Save(ctx, kept, p.Memory, s.look.Now)
	}
	if err == nil && len(p.Writes) > 0 {
		err = b.write(ctx, s, kept, p)
	}
	return err
}

// connect makes the ledger's connection the vault's.
func (b *Bridge) connect(ctx context.Context, s sight, p merge.Plan) error {
	org := s.look.Vault.Organization
	switch {
	case p.Connect != nil:
		saver := connection.Saver{Ledger: b.p.Ledger, Waker: b.p.Queue}
		_, err := saver.Save(ctx, org, state.Connection{
			CloudOrganizationID: p.Connect.CloudOrganization, BillingSyncToken: p.Connect.Token,
			LicenseKey: s.look.Vault.LicenseKey, FromVault: true,
		})
		return err
	case p.Disconnected && s.known.FromVault:
		return b.p.Ledger.Untoken(ctx, org)
	}
	return nil
}

func (b *Bridge) send(ctx context.Context, all []merge.Job) error {
	if len(all) == 0 {
		return nil
	}
	if err := b.p.Queue.Send(ctx, all); err != nil {
		return err
	}
	for _, job := range all {
		if b.p.Metrics.Enqueued != nil {
			b.p.Metrics.Enqueued(string(job.Args.Kind()))
		}
	}
	return nil
}
