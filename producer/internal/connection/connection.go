// Package connection saves how an organization is known to the cloud, which is
// step 3 of the guide, for the command line and the HTTP API alike.
//
// It never reads a token back, and never starts a first sync: that is a person's
// decision.
package connection

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Waker enqueues a sync of what is pending, once per generation, and runs at once
// one that was put off.
type Waker interface {
	WakeNow(ctx context.Context, org sponsorship.ID, generation string) error
}

// Saver saves connections. All fields are required.
type Saver struct {
	Ledger *state.Ledger
	Waker  Waker
}

// Saved tells the person what follows.
type Saved struct {
	Started      bool // the first sync was started before, so what waits is tried now
	UnusualToken bool // it is not as the cloud makes them; saved nevertheless
}

// tokenForm is what the cloud makes.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9]{30}$`)

// Save takes off what pasting adds, checks the connection, saves it, and wakes
// what waited for it. Its error is an invalid_arguments fault when nothing was
// saved for that reason.
func (s Saver) Save(ctx context.Context, org sponsorship.ID, c state.Connection) (Saved, error) {
	c.BillingSyncToken, c.LicenseKey = trim(c.BillingSyncToken), trim(c.LicenseKey)
	if err := c.Validate(); err != nil {
		return Saved{}, err
	}
	if err := s.Ledger.Connect(ctx, org, c); err != nil {
		return Saved{}, err
	}
	known, _, err := s.Ledger.Organization(ctx, org)
	if err == nil && known.Started {
		err = s.Waker.WakeNow(ctx, org, known.Generation)
	}
	if err != nil {
		return Saved{}, fmt.Errorf("the connection of %s is saved, but what waits for it was not woken: %w", org, err)
	}
	return Saved{Started: known.Started, UnusualToken: !tokenForm.MatchString(c.BillingSyncToken.Reveal())}, nil
}

// Sharing returns the other organizations here that are connected to the same one in
// the cloud. That is seldom meant: a member's row that both send is there twice, and
// the cloud fails every later sync.
func (s Saver) Sharing(ctx context.Context, org, cloud sponsorship.ID) ([]sponsorship.ID, error) {
	all, err := s.Ledger.Organizations(ctx)
	if err != nil {
		return nil, err
	}
	var sharing []sponsorship.ID
	for _, id := range all {
		other, _, err := s.Ledger.Organization(ctx, id)
		if err != nil {
			return nil, err
		}
		if id != org && other.Connected && other.CloudOrganizationID == cloud {
			sharing = append(sharing, id)
		}
	}
	return sharing, nil
}

func trim(s secret.Text) secret.Text { return secret.Text(strings.TrimSpace(s.Reveal())) }
