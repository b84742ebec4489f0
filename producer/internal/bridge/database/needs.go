package database

// column is one that the bridge uses.
type column struct {
	table, name string
	writes      bool   // the bridge in full mode updates it
	younger     bool   // servers from before 2025.4.3 don't have it
	since       string // the first migration with it, where the catalog hides what has no grant
	lacking     string // for one that the bridge can do without: what is lost, in words
}

// grant is one right that somebody has to give.
type grant struct {
	right   string // SELECT, UPDATE or DELETE
	table   string
	columns []string // none for the table as a whole
	user    string
}

// needs lists the columns that the bridge uses on an engine.
func (s syntax) needs() []column {
	const gone = "whether a member is still there: the row of a removed member waits as if it were gone by accident"
	all := []column{
		{table: sponsorships, name: "Id"},
		{table: sponsorships, name: "SponsoringOrganizationId"},
		{table: sponsorships, name: s.userColumn},
		{table: sponsorships, name: "OfferedToEmail"},
		{table: sponsorships, name: "FriendlyName"},
		{table: sponsorships, name: "LastSyncDate", writes: true},
		{table: sponsorships, name: "ValidUntil", writes: true},
		{table: sponsorships, name: "ToDelete", writes: true},
		{table: sponsorships, name: "IsAdminInitiated", younger: true},
		{table: connections, name: "Id"},
		{table: connections, name: "OrganizationId"},
		{table: connections, name: "Type"},
		{table: connections, name: "Enabled"},
		{table: connections, name: "Config"},
		{table: organizations, name: "Id"},
		{table: organizations, name: "LicenseKey", lacking: "the license key: licenses can't be synced"},
		{table: organizations, name: "Name", lacking: "names of organizations: their ids are shown"},
		{table: members, name: "Id", lacking: gone},
		{table: members, name: "OrganizationId", lacking: gone},
		{table: s.history.table, name: s.history.name, lacking: "the server's version: a restored backup is noticed later"},
	}
	for i, c := range all {
		all[i].since = s.since[c.table+"."+c.name]
	}
	return append(all, s.extra...)
}

// layout is what of it a database has and its user may read, by table.
type layout map[string][]string

// has reports whether the column of the table can be read.
func (l layout) has(table, column string) bool {
	for _, name := range l[table] {
		if name == column {
			return true
		}
	}
	return false
}
