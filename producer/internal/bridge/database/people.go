package database

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// accounts is the table of people's accounts. Nothing but People reads it.
const accounts = "User"

// People returns who the members of an organization are, as the database has it now. It
// needs more rights than Read: UserId and Email of OrganizationUser; Id, Email and Name of
// User. Where they are not given the error is a bridge_schema_unknown fault.
func (d *Database) People(ctx context.Context, organization sponsorship.ID) (map[sponsorship.ID]vault.Person, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := map[sponsorship.ID]vault.Person{}
	err := d.use(ctx, "read who the members are (SELECT on UserId and Email of OrganizationUser, and on Id, Email and Name of User)",
		func(ctx context.Context, session *sql.Conn) error {
			r := reader{session: session, syntax: d.dialect.syntax, organization: organization}
			return r.people(ctx, found)
		})
	return found, err
}

// people asks by two statements, for accounts and members share names of columns.
func (r reader) people(ctx context.Context, found map[sponsorship.ID]vault.Person) error {
	q := r.syntax
	theirs := fmt.Sprintf("%s WHERE %s = %s", q.quote(members), q.quote("OrganizationId"), q.param(1))
	known := map[string]vault.Person{}
	query := fmt.Sprintf("SELECT %s, %s, %s FROM %s WHERE %s IN (SELECT %s FROM %s)", q.readID("Id"), q.readText("Name"), q.readText("Email"),
		q.quote(accounts), q.quote("Id"), q.quote("UserId"), theirs)
	err := r.each(ctx, query, func(rows *sql.Rows) error {
		var id string
		var name, email sql.NullString
		err := rows.Scan(&id, &name, &email)
		known[strings.ToLower(id)] = vault.Person{Name: name.String, Email: email.String}
		return err
	})
	if err != nil {
		return err
	}
	query = fmt.Sprintf("SELECT %s, %s, %s FROM %s", q.readID("Id"), q.readID("UserId"), q.readText("Email"), theirs)
	return r.each(ctx, query, func(rows *sql.Rows) error {
		var id string
		var account, email sql.NullString
		err := rows.Scan(&id, &account, &email)
		person, accepted := known[strings.ToLower(account.String)]
		if !accepted { // invited: the address is the member's own
			person.Email = email.String
		}
		found[sponsorship.ID(strings.ToLower(id))] = person
		return err
	})
}
