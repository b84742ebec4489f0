package merge

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Memory is what the bridge remembers of one organization. It holds no address and no
// name, only their digests.
type Memory struct {
	Begun     time.Time `json:"begun,omitzero"`     // the first look of which anything followed; zero before, and where the memory was lost
	TakenOver time.Time `json:"takenOver,omitzero"` // the first look with a connection; zero before
	Looked    time.Time `json:"looked,omitzero"`    // the last look that ended
	Head      string    `json:"head,omitempty"`     // the newest migration that was seen

	Connection string         `json:"connection,omitempty"` // id of the connection's row
	CloudOrg   sponsorship.ID `json:"cloudOrganizationId,omitempty"`
	Secrets    string         `json:"secrets,omitempty"` // digest of token and license key as last handed to the ledger

	// OfficialJob is a person's answer to the question of take-over.
	OfficialJob OfficialJob `json:"officialJob,omitempty"`
	// Resumed lists the holds that a person has let through, and when.
	Resumed map[fault.Held]time.Time `json:"resumed,omitempty"`

	// Missing is the first look, of those without a break until now, that missed the
	// organization, its connection or all its members.
	Missing time.Time `json:"missing,omitzero"`

	// Since is when the count of withdrawals began, Rows how many rows there were then.
	Since     time.Time `json:"since,omitzero"`
	Rows      int       `json:"rows,omitempty"`
	Withdrawn int       `json:"withdrawn,omitempty"`
	// What a person has let through beyond the limits.
	AllowedWithdrawals int `json:"allowedWithdrawals,omitempty"`
	AllowedOffers      int `json:"allowedOffers,omitempty"`

	// What was written to the vault, ever, and what could not be at the last look.
	Writes    int               `json:"writes,omitempty"`
	Deletions int               `json:"deletions,omitempty"`
	WroteAt   time.Time         `json:"wroteAt,omitzero"`
	Unwritten map[Unwritten]int `json:"unwritten,omitempty"`

	Holds []Hold `json:"holds,omitempty"`

	Links map[string]Link `json:"-"` // by row id; stored one by one
}

// OfficialJob says whether the server's own job has told the cloud of the rows
// that were there at take-over.
type OfficialJob string

// The answers; empty is "not asked yet".
const (
	OfficialJobRan   OfficialJob = "ran"
	OfficialJobNever OfficialJob = "never"
)

// Link ties a row of the vault to a key of the ledger, and keeps the row as it
// was last carried out.
type Link struct {
	Key   sponsorship.ID `json:"key,omitempty"` // of the ledger; empty while nothing was carried out
	User  sponsorship.ID `json:"user"`          // as the row says
	Admin bool           `json:"admin,omitempty"`

	// The row as last carried out.
	Email     string `json:"email,omitempty"` // digest of the address in lower case
	Exact     string `json:"exact,omitempty"` // digest of the address as written
	Name      string `json:"name,omitempty"`  // digest
	Marked    bool   `json:"marked,omitempty"`
	Withdrawn bool   `json:"withdrawn,omitempty"` // for another cause than its mark; see step.withdraw
	Wishes    int    `json:"wishes,omitempty"`    // how many jobs came of this row: makes each one's id its own
	Job       string `json:"job,omitempty"`       // the last of them, until it has ended
	Asked     uint64 `json:"asked,omitempty"`     // the ledger's revision when it was asked for: a higher one has come of it, or after it

	// The row as last seen.
	Synced     time.Time `json:"synced,omitzero"`
	Former     time.Time `json:"former,omitzero"` // the Synced before the present one
	Dated      time.Time `json:"dated,omitzero"`  // the look that first saw Synced set
	ValidUntil time.Time `json:"validUntil,omitzero"`

	// What we are about, until a look has seen it.
	Wrote time.Time `json:"wrote,omitzero"`  // the latest date that we have written, or meant to write, as Synced: whoever was stopped on the way may still write an earlier one
	Tries int       `json:"tries,omitempty"` // looks that meant to write to the row, since it was last done

	Undecided bool      `json:"undecided,omitempty"` // was there at take-over, and nothing was carried out of it yet
	Gone      time.Time `json:"gone,omitzero"`       // the first look without the row
	Orphaned  time.Time `json:"orphaned,omitzero"`   // the first look without its member
	Back      time.Time `json:"back,omitzero"`       // the look that saw the row where it should not be
	Cleared   bool      `json:"cleared,omitempty"`   // a person has said that it may be there all the same
	Deleted   bool      `json:"deleted,omitempty"`   // we deleted the row ourselves
	Settled   Settled   `json:"settled,omitempty"`   // what a person said of a vanished row
	Over      bool      `json:"over,omitempty"`      // gone, and nothing follows from it; kept to know the row's id again

	Undo *Undo `json:"undo,omitempty"`
}

// Undo is a link as it was before a job that may never have reached the queue: it is
// remembered before the job is sent, and dropped after.
type Undo struct {
	Job  string `json:"job"`
	Link *Link  `json:"link,omitempty"` // nil: there was none
}

// Settled is a person's word about one member's vanished row.
type Settled string

// The words; empty is "not asked".
const (
	SettledWithdraw Settled = "withdraw"
	SettledKeep     Settled = "keep"
)

// Hold is a stop that a person ends. Only row_vanished ends by itself as well.
type Hold struct {
	Reason fault.Held     `json:"reason"`
	User   sponsorship.ID `json:"organizationUserId,omitempty"` // empty: the whole organization
	Since  time.Time      `json:"since"`
	Count  int            `json:"count,omitempty"` // how many wishes wait behind it, where that is what it is about
}
