package sponsorship

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Status is what the outside sees of a sponsorship.
type Status string

// The statuses, in the order in which a sponsorship usually meets them.
const (
	Pending  Status = "pending"  // accepted here, waits for the cloud; Intent says what for
	Sent     Status = "sent"     // the cloud has it; Reason says where nobody knows whether it mailed the offer
	Redeemed Status = "redeemed" // the cloud reports ValidUntil
	Expiring Status = "expiring" // revoked while redeemed: ends at ValidUntil
	Removed  Status = "removed"  // gone on both sides
	Refused  Status = "refused"  // new, and the cloud answered and left it out
	Expired  Status = "expired"  // redeemed, and ValidUntil is long past
)

// Statuses returns all statuses. The slice is the caller's.
func Statuses() []Status {
	return []Status{Pending, Sent, Redeemed, Expiring, Removed, Refused, Expired}
}

// Valid reports whether s is one of Statuses.
func (s Status) Valid() bool {
	switch s {
	case Pending, Sent, Redeemed, Expiring, Removed, Refused, Expired:
		return true
	}
	return false
}

// Intent says what a pending sponsorship waits for; empty when it waits for nothing.
type Intent string

// The intents.
const (
	IntentRedeem Intent = "redeem"
	IntentChange Intent = "change"
	IntentRevoke Intent = "revoke"
	IntentAdopt  Intent = "adopt"
)

// Reason explains a status in a fault code and a sentence without addresses.
type Reason struct {
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
}

// Sponsorship is one record of the ledger. The zero value is "none": a member
// who never sponsored anyone.
type Sponsorship struct {
	OrganizationID ID     `json:"organizationId"`
	UserID         ID     `json:"organizationUserId"` // the wire key; see AdminKey
	Email          string `json:"sponsoredEmail"`     // the address that is wanted
	Name           string `json:"friendlyName"`
	AdminInitiated bool   `json:"adminInitiated,omitempty"`
	// Vault is set while the vault of the self-hosted server has a row of it: only
	// the vault may change it then, also once it is over.
	Vault bool `json:"vault,omitempty"`

	Status   Status  `json:"status"`
	Intent   Intent  `json:"intent,omitempty"`
	Revision uint64  `json:"revision"` // grows with every stored change; 0 is none
	Reason   *Reason `json:"reason,omitempty"`

	LastSyncAt *time.Time `json:"lastSyncAt,omitempty"` // when the cloud last confirmed the row in an answer that changed it; see SyncedAt
	ValidUntil *time.Time `json:"validUntil,omitempty"` // the cloud's; set once redeemed
	UpdatedAt  time.Time  `json:"updatedAt"`
	JobID      string     `json:"jobId,omitempty"` // the job that asked for it last

	Wire Wire `json:"wire"`

	// Unknown is what a newer program wrote into the record beside the above, as
	// JSON text. It travels along, so that an older program drops nothing.
	Unknown string `json:"-"`
}

// Wire is what is known, and what must be assumed, about the cloud's side.
type Wire struct {
	// Offered is the address in the last plain row that left, or "" when the
	// cloud cannot have one. "Attempted" in the docs is Offered != "".
	Offered string `json:"offered,omitempty"`
	// Known is set once the cloud answered a plain row: it does hold it.
	Known bool `json:"known,omitempty"`
	// Adopted is set while only another program has told the cloud of the row, and
	// no answer has.
	Adopted bool `json:"adopted,omitempty"`
	// Leaving is set while an adopted row is to be withdrawn: until the first answer
	// it is pending to be adopted all the same.
	Leaving bool `json:"leaving,omitempty"`
	// Unconfirmed is set on an adopted row while nobody knows whom the cloud mailed.
	Unconfirmed bool `json:"unconfirmed,omitempty"`
	// AskedAt is the first step of a changed address: when the cloud said that
	// the offer was not redeemed, so that it may be withdrawn. Old news is no
	// news: see askFresh.
	AskedAt time.Time `json:"askedAt,omitzero"`
	// Tombstoned is set before a tombstone leaves, and until the cloud says what
	// became of it or a new offer leaves: absence then means that it worked.
	Tombstoned bool `json:"tombstoned,omitempty"`
	// Poison marks a row that made the cloud fail a request all by itself. It
	// travels alone until the cloud takes it or its texts change.
	Poison bool `json:"poison,omitempty"`
	// Unsure is set once a request that held the row as new has failed or got no
	// answer: the cloud mails only in the request that inserts.
	Unsure bool `json:"unsure,omitempty"`
	// Anew is set while the offer is to be withdrawn and made again, to the same
	// address.
	Anew bool `json:"anew,omitempty"`
	// HeldUntil is set while a pending sponsorship only waits for a time: for the end
	// of a request that got no answer, or for others to go first.
	HeldUntil time.Time `json:"heldUntil,omitzero"`
	// Silences counts the answers to a withdrawal, in a row, that held no row of
	// anybody.
	Silences int `json:"silences,omitempty"`
}

// Exists reports whether there is anything to change or revoke.
func (s Sponsorship) Exists() bool {
	return s.Status != "" && s.Status != Removed && s.Status != Expired
}

// replacing reports whether the cloud holds, or may hold, another offer than the
// wanted one. The cloud ignores edits of a row it knows, so such a row must be
// withdrawn and offered anew.
func (s Sponsorship) replacing() bool {
	return s.Wire.Offered != "" && (s.Wire.Anew || !SameAddress(s.Wire.Offered, s.Email))
}

// Withheld reports whether the next sync that nobody asked for leaves s out. The
// cloud lost it after it was redeemed, and mailed the recipient anew: what it
// lost once it may lose again, so the next mail needs a person's word.
func (s Sponsorship) Withheld() bool {
	return s.Status == Sent && reasonCode(s.Reason) == fault.OfferRecreated
}

// Transition describes the difference between two stored versions, for events.
type Transition struct {
	From, To Status
	Intent   Intent
	Changed  bool // whether it is a status change that the world hears about
}

// Compare returns the transition from old to new. A refresh that changes only
// dates, labels or wire knowledge is not one.
func Compare(before, after Sponsorship) Transition {
	changed := before.Status != after.Status || before.Intent != after.Intent ||
		reasonCode(before.Reason) != reasonCode(after.Reason)
	return Transition{From: before.Status, To: after.Status, Intent: after.Intent, Changed: changed}
}

func reasonCode(r *Reason) fault.Code {
	if r == nil {
		return ""
	}
	return r.Code
}

// UTC is the same instant as everybody outside is told it, or nil.
func UTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
