package sponsorship

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Request is what a person asks for: a Redeem, a Change, a Resend, a Revoke or an
// Adopt.
type Request interface {
	decide(s Sponsorship) (Sponsorship, error)
}

// Redeem offers a sponsorship. An empty Name becomes the address.
type Redeem struct {
	Email, Name    string
	AdminInitiated bool
}

// Change replaces the address, the label, or both; an empty field is left alone.
type Change struct{ Email, Name string }

// Resend withdraws the offer and makes it again: the cloud mails the same person
// once more. It is the only way to make it do so.
type Resend struct{}

// Revoke takes the sponsorship back.
type Revoke struct{}

// Stamp is what the caller adds to a decision: its clock and the job behind it.
type Stamp struct {
	Now   time.Time
	JobID string
	Vault bool // the vault of the self-hosted server asks, as the bridge saw it there
}

// Decide returns what becomes of s under r, and whether anything did. The
// result of a change has a raised revision and the stamp on it. Refusals are
// fault.Errors: already_sponsoring, already_redeemed, revocation_pending,
// sponsorship_not_found, managed_by_vault; s is then unchanged.
//
// The rules are the table of the life of a sponsorship; the caller has
// validated texts and set the identity fields.
func Decide(s Sponsorship, r Request, stamp Stamp) (Sponsorship, bool, error) {
	if s.Vault && !stamp.Vault && !s.open(r) {
		return s, false, fault.New(fault.ManagedByVault, "the vault of the self-hosted server has a sponsorship of this member")
	}
	next, err := r.decide(s)
	if stamp.Vault {
		next, err = s.managed(r, next, err)
	}
	if err != nil || next == s {
		return s, false, err
	}
	if s.held() && next.Status == Pending { // whatever is wanted now, it still waits
		next.Reason, next.Wire.HeldUntil = s.Reason, s.Wire.HeldUntil
	}
	if Unmanaged(next) != Unmanaged(s) {
		next.UpdatedAt, next.JobID = stamp.Now, stamp.JobID
	}
	next.Revision = s.Revision + 1
	return next, true, nil
}

func (r Redeem) decide(s Sponsorship) (Sponsorship, error) {
	switch {
	case !s.Exists():
		return s.offerAnew(r), nil
	case s.Revoking():
		return s, fault.New(fault.RevocationPending, "redeem: the member's sponsorship %s", s.revoked())
	case SameAddress(s.Email, r.Email):
		return s, nil
	case s.onlyHere():
		return s.editedInPlace(r.Email, r.label()), nil
	}
	return s, fault.New(fault.AlreadySponsoring, "redeem: the member already sponsors another address")
}

// revoked says how far a revocation is.
func (s Sponsorship) revoked() string {
	if s.Status == Expiring && s.ValidUntil != nil {
		return "was revoked while in use, and ends on " + s.ValidUntil.UTC().Format(time.DateOnly)
	}
	return "is being revoked"
}

func (c Change) decide(s Sponsorship) (Sponsorship, error) {
	if s.Exists() && c.Email != s.Email && SameAddress(c.Email, s.Email) {
		if s = s.recased(c.Email); c.Name == "" {
			return s, nil
		}
	}
	newAddress := c.Email != "" && !SameAddress(c.Email, s.Email)
	switch {
	case !s.Exists():
		return s, fault.New(fault.SponsorshipNotFound, "change-sponsorship: the member has no sponsorship")
	case s.Revoking():
		return s, fault.New(fault.RevocationPending, "change-sponsorship: the sponsorship %s", s.revoked())
	case newAddress && s.holdsRedemption():
		return s, fault.New(fault.AlreadyRedeemed, "change-sponsorship: the offer was redeemed, its address is final")
	case newAddress && s.onlyHere():
		return s.editedInPlace(c.Email, c.Name), nil
	case newAddress:
		next := s.editedInPlace(c.Email, c.Name)
		next.Status, next.Intent, next.Reason = Pending, IntentChange, nil
		return next, nil
	case c.Name == "" || c.Name == s.Name:
		return s, nil
	case s.Status == Sent || s.Status == Redeemed:
		next := s.editedInPlace("", c.Name)
		next.Status, next.Intent, next.Reason = Pending, IntentChange, nil
		return next, nil
	}
	return s.editedInPlace("", c.Name), nil
}

func (Resend) decide(s Sponsorship) (Sponsorship, error) {
	switch {
	case !s.Exists():
		return s, fault.New(fault.SponsorshipNotFound, "resend: the member has no sponsorship")
	case s.Revoking():
		return s, fault.New(fault.RevocationPending, "resend: the sponsorship %s", s.revoked())
	case s.holdsRedemption():
		return s, fault.New(fault.AlreadyRedeemed, "resend: the offer was redeemed")
	case s.Wire.Offered == "" && s.Status == Refused:
		s.Status, s.Intent, s.Reason = Pending, IntentRedeem, nil
		return s, nil
	case s.Wire.Offered == "": // it is about to be offered
		return s, nil
	}
	s.Wire.Anew = true
	if s.Wire.Poison {
		s = s.curePoison()
	}
	s.Status, s.Intent, s.Reason = Pending, IntentChange, nil
	return s, nil
}

func (Revoke) decide(s Sponsorship) (Sponsorship, error) {
	switch {
	case !s.Exists():
		return s, fault.New(fault.SponsorshipNotFound, "revoke: the member has no sponsorship")
	case s.Revoking():
		return s, nil
	case s.onlyHere():
		return s.gone(), nil
	}
	next := s
	next.Status, next.Intent, next.Reason = Pending, IntentRevoke, nil
	return next, nil
}

// onlyHere reports whether the cloud cannot hold the row: nothing that carried
// it has left, or the cloud refused it and never held it.
func (s Sponsorship) onlyHere() bool {
	return s.Status == Pending && s.Intent == IntentRedeem && s.Wire.Offered == "" ||
		s.Status == Refused && !s.Wire.Known && s.Wire.Offered == ""
}

// Revoking reports whether the sponsorship is being taken back, or has been and runs out.
func (s Sponsorship) Revoking() bool {
	return s.Status == Expiring || s.Status == Pending && (s.Intent == IntentRevoke || s.Intent == IntentAdopt && s.Wire.Leaving)
}

// holdsRedemption covers a label change that waits on top of a redeemed row.
func (s Sponsorship) holdsRedemption() bool {
	return s.Status == Redeemed || s.Status == Pending && s.Intent == IntentChange && s.ValidUntil != nil
}

func (r Redeem) label() string {
	if r.Name == "" {
		return r.Email
	}
	return r.Name
}

// offerAnew starts a life, the first or the next one. Identity and revision stay,
// and what the cloud may still hold of the last one.
func (s Sponsorship) offerAnew(r Redeem) Sponsorship {
	return Sponsorship{
		OrganizationID: s.OrganizationID, UserID: s.UserID, Revision: s.Revision,
		Email: r.Email, Name: r.label(), AdminInitiated: r.AdminInitiated, Vault: s.Vault,
		Status: Pending, Intent: IntentRedeem, Wire: s.leftovers(), Unknown: s.Unknown,
	}
}

// leftovers: a withdrawal that nobody ever answered counts as done after a while,
// and may be wrong. It is then sent once more before anything is offered.
func (s Sponsorship) leftovers() Wire {
	if s.Status == Removed {
		return s.Wire
	}
	return Wire{}
}

// editedInPlace replaces the texts; empty ones are left alone. A label that was
// only the old address follows the new one.
func (s Sponsorship) editedInPlace(email, name string) Sponsorship {
	if email != "" {
		if s.Name == s.Email {
			s.Name = email
		}
		s.Email = email
	}
	if name != "" {
		s.Name = name
	}
	if s.Wire.Poison {
		s = s.curePoison()
	}
	return s
}

// curePoison: what the cloud inserted before it failed was never mailed. It is
// withdrawn, and the row then offered as if it were another.
func (s Sponsorship) curePoison() Sponsorship {
	s.Wire.Poison, s.Wire.Tombstoned = false, true
	return s
}

// recased shows an address as it was spelled last. To the cloud both spellings are
// one address, so nothing follows from it; what was offered stays as it was.
func (s Sponsorship) recased(email string) Sponsorship {
	if s.Name == s.Email {
		s.Name = email
	}
	s.Email = email
	return s
}

// gone ends the life on both sides.
func (s Sponsorship) gone() Sponsorship {
	s.Status, s.Intent, s.Reason, s.Wire = Removed, "", nil, Wire{}
	s.ValidUntil = nil
	return s
}
