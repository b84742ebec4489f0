package database

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// scanColumn takes a line of table, column, four rights: read, insert, update, and
// delete for the table as a whole.
func (c *catalog) scanColumn(rows *sql.Rows) error {
	var table, name string
	var r rights
	if err := rows.Scan(&table, &name, &r.read, &r.insert, &r.update, &r.delete); err != nil {
		return err
	}
	if c.columns[table] == nil {
		c.columns[table] = map[string]rights{}
	}
	c.columns[table][name] = r
	whole := c.tables[table]
	whole.delete = r.delete
	c.tables[table] = whole
	return nil
}

// newest returns the newest migration, or "" where it may not be read.
func (c *catalog) newest(ctx context.Context, session *sql.Conn, s syntax) (string, error) {
	if !c.columns[s.history.table][s.history.name].read {
		return "", nil
	}
	var head sql.NullString
	err := session.QueryRowContext(ctx, fmt.Sprintf("SELECT MAX(%s) FROM %s", s.quote(s.history.name), s.quote(s.history.table))).Scan(&head)
	return head.String, err
}

// organizationColumn is the column of a table that holds the organization's id.
func organizationColumn(table string) string {
	switch table {
	case sponsorships:
		return "SponsoringOrganizationId"
	case organizations:
		return "Id"
	}
	return "OrganizationId"
}

// onlyBillingSync is the condition without which a statement would look at other connections.
func onlyBillingSync(table, column string) string {
	if table != connections {
		return ""
	}
	return " WHERE " + column + " = " + billingSync
}

// withColumns is a right as a GRANT names it.
func withColumns(right string, columns []string) string {
	if len(columns) == 0 {
		return right
	}
	return fmt.Sprintf("%s (%s)", right, strings.Join(columns, ", "))
}
