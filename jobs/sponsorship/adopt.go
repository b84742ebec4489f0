package sponsorship

import "github.com/sponsorsync/sponsorsync/jobs/fault"

// Adopt takes over a sponsorship that another program has already told the cloud
// of. Nobody is mailed as long as the cloud still has it; what it has lost is
// offered anew. An empty Name becomes the address.
type Adopt struct {
	Email, Name    string
	AdminInitiated bool
	Revoke         bool // it is to be withdrawn: the other program did not get that far
	// Unconfirmed is set where it is not certain that the cloud was told of this
	// address: it keeps the one that it was told first, and never shows it.
	Unconfirmed bool
}

func (a Adopt) decide(s Sponsorship) (Sponsorship, error) {
	if s.Exists() {
		return s, fault.New(fault.AlreadySponsoring, "adopt: the ledger has a sponsorship of the member already")
	}
	next := s.offerAnew(Redeem{Email: a.Email, Name: a.Name, AdminInitiated: a.AdminInitiated})
	next.Intent = IntentAdopt
	next.Wire = Wire{Offered: a.Email, Adopted: true, Leaving: a.Revoke, Unconfirmed: a.Unconfirmed}
	next.Reason = next.unconfirmed()
	return next, nil
}

// unconfirmed is the reason that stays with an adopted sponsorship until the
// recipient is known: the offer was accepted, or withdrawn.
func (s Sponsorship) unconfirmed() *Reason {
	if !s.Wire.Unconfirmed || s.Wire.Leaving {
		return nil
	}
	return &Reason{
		Code:    fault.RecipientUnconfirmed,
		Message: "taken over without a date: perhaps the cloud was told of another address before, and mailed that one",
	}
}

// Handover is s as another ledger would adopt it, or false if it is over. whole is false
// where the cloud holds another offer than the wanted one: the wish to replace it stays
// behind, for an adopted sponsorship is what the cloud knows.
func Handover(s Sponsorship) (a Adopt, whole, living bool) {
	a = Adopt{Email: s.Email, Name: s.Name, AdminInitiated: s.AdminInitiated, Revoke: s.Revoking()}
	if offered := s.Wire.Offered; offered != "" && !SameAddress(offered, s.Email) {
		if a.Email = offered; s.Name == s.Email {
			a.Name = offered
		}
	}
	return a, !s.replacing(), s.Exists()
}
