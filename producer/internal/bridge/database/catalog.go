package database

// The tables that the bridge reads.
const (
	sponsorships  = "OrganizationSponsorship"
	connections   = "OrganizationConnection"
	organizations = "Organization"
	members       = "OrganizationUser"
)

// catalog is what there is of those tables, as far as the user may know, by table
// and column.
type catalog struct {
	user    string // as a GRANT names it
	head    string // the newest migration, "" where it may not be read
	columns map[string]map[string]rights
	tables  map[string]rights // what holds for a table as a whole; only insert and delete count here
	// beyond lists rights of the user that reach beyond these tables, in words.
	beyond []string
	// userless is set where there are no users, so that nobody can be given less than everything.
	userless bool
	// hides is set where a column without a grant looks like one that is not there.
	hides bool
	// denied says why nothing of it can be seen at all, and grant what would help; both may be "".
	denied, grant string
	// unsafe says why the bridge must not even read, and what to do about it; "" where it may.
	unsafe string
}

// rights is what the user may do with a column or a table.
type rights struct{ read, insert, update, delete bool }

// state is what a catalog tells of a column.
type state int

const (
	absent   state = iota // it is not there
	readable              // it is, and the user may read it
	hidden                // it is, and the user may not read it
	unclear               // one of the two
)

// find says what the catalog tells of a column. Where it does not list what a user may
// not read, the newest migration tells whether the column must be there.
func (c catalog) find(need column) state {
	r, listed := c.columns[need.table][need.name]
	switch {
	case r.read:
		return readable
	case listed:
		return hidden
	case !c.hides || (c.head != "" && c.head < need.since):
		return absent
	case c.head != "" && need.since != "":
		return hidden
	}
	return unclear
}
