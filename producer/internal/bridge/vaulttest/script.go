package vaulttest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// Script lets random people do random things in one organization of a vault, as the
// official code does them, and keeps what came of it. The same seed does the same.
type Script struct {
	vault        *Vault
	random       *rand.Rand
	organization string
	weights      map[Action]int

	people  []person
	left    []string // accounts that are no members any more
	pending []*PendingRevoke
	backup  Backup
	former  []person // the people at the backup
	made    int      // numbers names and addresses

	history sightings
}

// person is a member as long as they are one.
type person struct {
	member, account string
	admin           bool
}

// Action is one thing that can happen.
type Action string

// The actions of a script.
const (
	Joining        Action = "somebody joins"
	ComingBack     Action = "somebody comes back"
	Offering       Action = "a member offers"
	OfferingTwice  Action = "a member offers what somebody has offered" // swallowed
	OfferingFails  Action = "a member offers and the write fails"
	AdminOffering  Action = "an admin offers"
	Revoking       Action = "a member revokes"
	RevokingByName Action = "an admin revokes by name"
	StartingRevoke Action = "a revoke reads its row"
	EndingRevoke   Action = "a revoke acts on what it read"
	Removing       Action = "somebody is removed"
	RemovingTwo    Action = "two are removed"
	DeletingOne    Action = "an account is deleted"
	LosingAccess   Action = "access is revoked and restored"
	Dating         Action = "somebody writes dates" // as the job on SQL Server, or a bridge, would
	Purging        Action = "the weekly purge runs"
	BackingUp      Action = "a backup is taken"
	Restoring      Action = "the backup is restored"
)

// DefaultWeights say how often each happens, beside the others. Backups are in: a
// test that does not answer the holds that follow sets them to zero.
func DefaultWeights() map[Action]int {
	return map[Action]int{
		Joining: 8, ComingBack: 2, Offering: 30, OfferingTwice: 3, OfferingFails: 3, AdminOffering: 8,
		Revoking: 12, RevokingByName: 4, StartingRevoke: 4, EndingRevoke: 4, Removing: 4, RemovingTwo: 1, DeletingOne: 3,
		LosingAccess: 2, Dating: 12, Purging: 1, BackingUp: 1, Restoring: 1,
	}
}

// NewScript makes an organization with some people.
func NewScript(ctx context.Context, v *Vault, seed uint64, weights map[Action]int) (*Script, error) {
	s := &Script{vault: v, random: rand.New(rand.NewPCG(seed, 1)), weights: weights, history: sightings{since: map[string]Offered{}}}
	id, err := v.Found(ctx, Organization{Name: "Example", LicenseKey: "LICENSEKEYEXAMPLE001"})
	if err != nil {
		return nil, err
	}
	s.organization = id
	for range 6 {
		if _, err := s.joins(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Organization is the id of the organization that the script is about.
func (s *Script) Organization() string { return s.organization }

// Step does one thing and says what it was.
func (s *Script) Step(ctx context.Context) (Action, error) {
	for {
		action := s.pick()
		did, err := s.act(ctx, action)
		if err != nil {
			return action, fmt.Errorf("%s: %w", action, err)
		}
		if did {
			return action, s.look(ctx)
		}
	}
}

// Rest ends what is under way.
func (s *Script) Rest(ctx context.Context) error {
	for len(s.pending) > 0 {
		if _, err := s.endsRevoke(ctx); err != nil {
			return err
		}
	}
	return s.look(ctx)
}

func (s *Script) pick() Action {
	total := 0
	for _, weight := range s.weights {
		total += weight
	}
	at := s.random.IntN(total)
	for _, action := range slices.Sorted(maps.Keys(s.weights)) {
		if at -= s.weights[action]; at < 0 {
			return action
		}
	}
	return Offering
}

// act reports whether there was anything to do it with.
func (s *Script) act(ctx context.Context, action Action) (bool, error) {
	return map[Action]func(context.Context) (bool, error){
		Joining: s.joins, ComingBack: s.comesBack, Offering: s.offers, OfferingTwice: s.offersAgain, OfferingFails: s.offersInVain,
		AdminOffering: s.adminOffers, Revoking: s.revokes, RevokingByName: s.adminRevokes, StartingRevoke: s.startsRevoke,
		EndingRevoke: s.endsRevoke, Removing: s.removes, RemovingTwo: s.removesTwo, DeletingOne: s.deletesAccount,
		LosingAccess: s.losesAccess, Dating: s.dates, Purging: s.purges, BackingUp: s.backsUp, Restoring: s.restores,
	}[action](ctx)
}
