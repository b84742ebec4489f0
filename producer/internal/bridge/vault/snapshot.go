package vault

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Snapshot is one organization as the server's database had it at one look. Each
// table was read by a statement of its own, so what rests on two of them
// may be torn: it counts only when a second look saw it again.
type Snapshot struct {
	Organization sponsorship.ID
	Found        bool        // the row of the organization itself is there
	Name         string      // "" where it may not be read
	LicenseKey   secret.Text // "" where there is none, or it may not be read

	Connections []Connection // of the type that carries the billing sync token; oldest first
	Rows        []Row        // oldest first

	// Members holds the ids of the organization's members, or is nil when they
	// may not be read: then nobody counts as gone.
	Members map[sponsorship.ID]bool

	// Detached holds the ids of rows that belong to no organization any more: theirs was deleted.
	Detached map[string]bool

	// Head is the newest migration of the database, or "" where it may not be read.
	Head string
}

// Connection is how the server itself is connected to the cloud.
type Connection struct {
	ID                string
	Enabled           bool // false is a way to switch the official job off: still used
	CloudOrganization sponsorship.ID
	Token             secret.Text // may be empty: the web vault stores that, too
	Unreadable        string      // why the stored text tells neither, or ""
}

// Row is one sponsorship as the web vault wrote it.
type Row struct {
	ID     string         // lower-case; says when the row was born, see Born
	User   sponsorship.ID // of the member; of an admin, in rows that are AdminInitiated
	Email  string         // "" where the database has none
	Name   string         // "" where the database has none
	Marked bool           // the column ToDelete: to be withdrawn
	Admin  bool           // offered by an admin, to somebody who need not be a member

	Synced     *time.Time // the column LastSyncDate
	ValidUntil *time.Time
	Unreadable []string // names of columns whose content no parser reads

	// Stored are the two dates as the engine shows them, finer than a microsecond where it
	// has that. They are for comparing in a [Write] only.
	Stored StoredDates
}

// StoredDates are texts; "" is no date.
type StoredDates struct{ Synced, ValidUntil string }

// Restriction is something that the database's user may not do, or may do
// beyond what is needed.
type Restriction struct {
	Missing string // the right that is missing and what is lost without it, or what is too much, in words
	Grant   string // the statement that an administrator of the database runs; "" where nothing is missing
}

// Person is who a member is. Either may be empty.
type Person struct{ Name, Email string }
