package merge

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// Look is all that a decision rests on.
type Look struct {
	Now    time.Time
	Vault  vault.Snapshot
	Memory Memory
	// Ledger holds what the ledger has of the organization, by key.
	Ledger map[sponsorship.ID]sponsorship.Sponsorship
	// Open says of the jobs that Memory names, as far as they have reached the queue, whether
	// they are still to end.
	Open  map[string]bool
	Rules Rules
}

// Rules are the settings and what is known of the engine.
type Rules struct {
	Grace           time.Duration // how long a row must be gone before that is a wish
	WithdrawOrphans bool          // a row whose member's account is gone is withdrawn, not only shown
	// DatesByJob is set where the official job stores dates (SQL Server): there a
	// row without a date is unknown to the cloud.
	DatesByJob bool
	// Writes is set where the vault is told what became of its rows.
	Writes bool
	// Digest hides a text; equal texts of one field have equal digests.
	Digest func(field, text string) string
}

// Plan is what follows from a look. Memory is to be stored once Jobs are acknowledged, and before
// anything is written.
type Plan struct {
	Jobs    []Job
	Connect *vault.Connection // the ledger's connection is to be replaced by this one
	// Disconnected is set when the vault has no usable token any more.
	Disconnected bool
	Memory       Memory
	// Unlink are the keys of which the vault has no row any more: anybody may change them.
	Unlink []sponsorship.ID
	// Writes are to be made in the vault now, and Later is how many more are left for the next look.
	Writes  []Write
	Later   int
	Odd     []Oddity
	Waiting []Wait // wishes that wait, and why
	Counts  Counts
}

// Job is one wish of a member, ready for the queue.
type Job struct {
	ID   string // the same for the same wish, whoever plans it
	Row  string
	Args jobs.Args
	// Replaces is the row, gone, whose sponsorship Row carries on, or "".
	Replaces string
	// Unconfirmed is set for an adopt whose row the cloud need not know under this address.
	Unconfirmed bool
}

// Oddity is something that a person should know; nothing follows from it by itself.
type Oddity struct {
	Kind    OddKind  `json:"kind"`
	Rows    []string `json:"rows"` // ids
	Message string   `json:"message"`
}

// OddKind names a kind of oddity.
type OddKind string

// The kinds.
const (
	OddTwoRows       OddKind = "two_rows_of_one_member"
	OddOneAddress    OddKind = "one_address_twice"
	OddAddress       OddKind = "address_invalid"
	OddOrphan        OddKind = "orphan"
	OddZombie        OddKind = "zombie"
	OddMember        OddKind = "member_invalid"
	OddDate          OddKind = "date_unreadable"
	OddConnection    OddKind = "two_connections"
	OddConfiguration OddKind = "connection_unreadable"
	OddUnlinked      OddKind = "ledger_entry_without_row"
	OddNotOffered    OddKind = "not_offered_again"
	OddRedeemed      OddKind = "already_redeemed"
)

// Wait is a wish that can't be carried out yet.
type Wait struct {
	Row    string
	User   sponsorship.ID
	Reason sponsorship.Reason
}

// Counts sum a plan up for people.
type Counts struct {
	Known, Unknown               int // at take-over: known to the cloud, and not to be told
	Offers, Changes, Withdrawals int
	Writes, Deletions            int
}
