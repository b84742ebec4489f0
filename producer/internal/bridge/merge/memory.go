package merge

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Memory is what the bridge remembers of one organization. It holds no address and no
// name, only their digests.
type Memory struct {
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

	// Missing is set while the last look missed the organization, its connection or all its members.
	Missing bool `json:"missing,omitempty"`

	// Since is when the count of withdrawals began, Rows how many rows there were then.
	Since     time.Time `json:"since,omitzero"`
	Rows      int       `json:"rows,omitempty"`
	Withdrawn int       `json:"withdrawn,omitempty"`

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

// Link ties a row of the vault to a key of the ledger, and keeps the row as it was last carried out.
type Link struct {
	Key   sponsorship.ID `json:"key,omitempty"` // of the ledger; empty while nothing was carried out
	User  sponsorship.ID `json:"user"`          // as the row says
	Admin bool           `json:"admin,omitempty"`

	// The row as last carried out.
	Email  string `json:"email,omitempty"` // digest
	Name   string `json:"name,omitempty"`  // digest
	Marked bool   `json:"marked,omitempty"`
	Wishes int    `json:"wishes,omitempty"` // how many jobs came of this row: makes each one's id its own

	// The row as last seen.
	Synced     time.Time `json:"synced,omitzero"`
	ValidUntil time.Time `json:"validUntil,omitzero"`
	Former     time.Time `json:"former,omitzero"` // the Synced before the present one
	Dated      time.Time `json:"dated,omitzero"`  // the look that first saw Synced set
	Seen       time.Time `json:"seen,omitzero"`

	Gone     time.Time `json:"gone,omitzero"`     // the first look without the row
	Orphaned time.Time `json:"orphaned,omitzero"` // the first look without its member
	Deleted  bool      `json:"deleted,omitempty"` // we deleted the row ourselves
	Settled  Settled   `json:"settled,omitempty"` // what a person said of a vanished row
	Over     bool      `json:"over,omitempty"`    // nothing follows from it any more; kept to know the row's id again
}

// Settled is a person's word about one member's vanished row.
type Settled string

// The words; empty is "not asked".
const (
	SettledWithdraw Settled = "withdraw"
	SettledKeep     Settled = "keep"
)

// Hold is a stop that only a person ends, but for row_vanished, which also time ends.
type Hold struct {
	Reason fault.Held     `json:"reason"`
	User   sponsorship.ID `json:"organizationUserId,omitempty"` // empty: the whole organization
	Since  time.Time      `json:"since"`
}
