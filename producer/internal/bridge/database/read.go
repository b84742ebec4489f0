package database

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// Read returns what the database has of one organization, each table read by one
// statement. Its errors are faults: bridge_database_unavailable,
// bridge_schema_unknown or bridge_database_unsafe.
func (d *Database) Read(ctx context.Context, organization sponsorship.ID) (vault.Snapshot, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := vault.Snapshot{Organization: organization}
	err := d.use(ctx, "read organization "+string(organization), func(ctx context.Context, session *sql.Conn) error {
		k, err := d.learn(ctx, session)
		if err != nil {
			return err
		}
		r := reader{session: session, syntax: d.dialect.syntax, layout: k.layout, organization: organization}
		found, err = r.snapshot(ctx)
		return err
	})
	return found, err
}

// reader reads one organization.
type reader struct {
	session      *sql.Conn
	syntax       syntax
	layout       layout
	organization sponsorship.ID
}

// snapshot reads the rows last. A row whose member or organization is missing by
// then may have gone in between; one that is there came from before.
func (r reader) snapshot(ctx context.Context) (vault.Snapshot, error) {
	s := vault.Snapshot{Organization: r.organization, Detached: map[string]bool{}}
	for _, step := range []func(context.Context, *vault.Snapshot) error{r.head, r.org, r.connections, r.members, r.rows} {
		if err := step(ctx, &s); err != nil {
			return vault.Snapshot{}, err
		}
	}
	return s, nil
}

func (r reader) head(ctx context.Context, s *vault.Snapshot) error {
	from := r.syntax.history
	if !r.layout.has(from.table, from.name) {
		return nil
	}
	var newest sql.NullString
	query := fmt.Sprintf("SELECT MAX(%s) FROM %s", r.syntax.quote(from.name), r.syntax.quote(from.table))
	err := r.session.QueryRowContext(ctx, query).Scan(&newest)
	s.Head = newest.String
	return err
}

func (r reader) org(ctx context.Context, s *vault.Snapshot) error {
	expressions := []string{r.optional(organizations, "Name"), r.optional(organizations, "LicenseKey")}
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s = %s", strings.Join(expressions, ", "),
		r.syntax.quote(organizations), r.syntax.quote("Id"), r.syntax.param(1))
	return r.each(ctx, query, func(rows *sql.Rows) error {
		var name, key sql.NullString
		err := rows.Scan(&name, &key)
		s.Found, s.Name, s.LicenseKey = true, name.String, secret.Text(key.String)
		return err
	})
}

// optional reads a text of a column that may be missing.
func (r reader) optional(table, column string) string {
	if r.layout.has(table, column) {
		return r.syntax.readText(column)
	}
	return "NULL"
}

func (r reader) members(ctx context.Context, s *vault.Snapshot) error {
	if !r.layout.has(members, "Id") || !r.layout.has(members, "OrganizationId") {
		return nil
	}
	s.Members = map[sponsorship.ID]bool{}
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s = %s", r.syntax.readID("Id"),
		r.syntax.quote(members), r.syntax.quote("OrganizationId"), r.syntax.param(1))
	return r.each(ctx, query, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		s.Members[sponsorship.ID(strings.ToLower(id))] = true
		return err
	})
}

// each runs a query whose only parameter is the organization.
func (r reader) each(ctx context.Context, query string, scan func(*sql.Rows) error) error {
	return each(ctx, r.session, query, scan, r.syntax.bindID(string(r.organization)))
}

func each(ctx context.Context, session *sql.Conn, query string, scan func(*sql.Rows) error, args ...any) error {
	rows, err := session.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// older orders ids by the time that is in them.
func older(a, b string) int {
	if byTime := vault.Born(a).Compare(vault.Born(b)); byTime != 0 {
		return byTime
	}
	return strings.Compare(a, b)
}

func sortByAge(s *vault.Snapshot) {
	slices.SortFunc(s.Rows, func(a, b vault.Row) int { return older(a.ID, b.ID) })
	slices.SortFunc(s.Connections, func(a, b vault.Connection) int { return older(a.ID, b.ID) })
}
