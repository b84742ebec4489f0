package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

// rowVersion is the system column that tells that a row was written. With grants by
// column it must be granted by name.
const rowVersion = "xmin"

func postgreSQL() dialect {
	return dialect{
		syntax:  postgreSQLSyntax(),
		connect: connectPostgreSQL,
		inspect: inspectPostgreSQL,
		ask:     askPostgreSQL,
		explain: explainPostgreSQL,
	}
}

func postgreSQLSyntax() syntax {
	quote := func(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
	return syntax{
		userColumn: "SponsoringOrganizationUserId",
		history:    column{table: "__EFMigrationsHistory", name: "MigrationId"},
		extra:      []column{{table: sponsorships, name: rowVersion, lacking: "row versions: the question whether anything changed costs the database several times as much"}},
		quote:      quote,
		param:      func(number int) string { return "$" + strconv.Itoa(number) },
		bindID:     func(id string) any { return id },
		readID:     func(column string) string { return quote(column) + "::text" },
		readText:   quote,
		readFlag:   func(column string) string { return quote(column) + "::int" },
		readDate:   func(column string) string { return "(" + quote(column) + " AT TIME ZONE 'UTC')::text" },
		sameText:   func(expression, param string) string { return expression + ` COLLATE "C" = ` + param },
		flag:       strconv.FormatBool,
		bindDate:   func(at time.Time) any { return at },
		print:      printPostgreSQL,
		grant:      grantPostgreSQL,
	}
}

// connectPostgreSQL lets pgx read a connection string of our making: it alone knows
// what to try in which order for an encryption that is only preferred. A replica
// may be behind, so it is refused.
func connectPostgreSQL(t connstring.Target, readOnly bool) (driver.Connector, error) {
	mode, ok := map[connstring.Mode]string{
		connstring.Plain: "disable", connstring.Preferred: "prefer", connstring.Required: "require",
		connstring.Issued: "verify-ca", connstring.Checked: "verify-full",
	}[t.Encryption.Mode]
	if !ok {
		return nil, fmt.Errorf("PostgreSQL knows no encryption %q", t.Encryption.Mode)
	}
	settings := []string{
		"host", t.Host, "dbname", t.Database, "user", t.User, "password", t.Password.Reveal(), "sslmode", mode,
		"sslrootcert", t.Encryption.RootFile, "sslcert", t.Encryption.CertFile, "sslkey", t.Encryption.KeyFile,
		"connect_timeout", "5", "target_session_attrs", "primary", "application_name", "sponsorsync bridge",
	}
	if t.Port != 0 {
		settings = append(settings, "port", strconv.Itoa(t.Port))
	}
	var text strings.Builder
	for i := 0; i < len(settings); i += 2 {
		if settings[i+1] != "" {
			fmt.Fprintf(&text, "%s='%s' ", settings[i], strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(settings[i+1]))
		}
	}
	config, err := pgx.ParseConfig(text.String())
	if err != nil {
		return nil, err
	}
	// One round trip per statement, and nothing prepared that a migration could break.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return prepared{stdlib.GetConnector(*config), []string{preparePostgreSQL(t.Schema, readOnly)}}, nil
}

func preparePostgreSQL(schema string, readOnly bool) string {
	if schema == "" {
		schema = "public"
	}
	only := "off"
	if readOnly {
		only = "on"
	}
	return fmt.Sprintf("SET search_path = %s; SET statement_timeout = %d; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d; "+
		"SET default_transaction_read_only = %s; SET DateStyle = 'ISO'; SET client_min_messages = warning",
		postgreSQLSyntax().quote(schema), statementLimit.Milliseconds(), lockLimit.Milliseconds(), statementLimit.Milliseconds(), only)
}

// inspectPostgreSQL asks the system's own tables: the information schema hides what
// the user may not read.
func inspectPostgreSQL(ctx context.Context, session *sql.Conn) (catalog, error) {
	c := catalog{columns: map[string]map[string]rights{}, tables: map[string]rights{}}
	var super bool
	var schema string
	var usage sql.NullBool
	err := session.QueryRowContext(ctx, `SELECT quote_ident(current_user), r.rolsuper, s.name, has_schema_privilege(n.oid, 'USAGE')
		FROM (SELECT trim(both '"' from current_setting('search_path')) AS name) s
		JOIN pg_catalog.pg_roles r ON r.rolname = current_user
		LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = s.name`).Scan(&c.user, &super, &schema, &usage)
	switch {
	case err != nil:
		return catalog{}, err
	case !usage.Valid:
		c.denied = fmt.Sprintf("there is no schema %q", schema)
		return c, nil
	case !usage.Bool:
		c.denied = fmt.Sprintf("the user may not look into schema %q", schema)
		c.grant = fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s;", postgreSQLSyntax().quote(schema), c.user)
		return c, nil
	case super:
		c.beyond = append(c.beyond, "is a superuser")
	}
	err = each(ctx, session, `SELECT t.relname, a.attname, has_column_privilege(t.oid, a.attnum, 'SELECT'), has_column_privilege(t.oid, a.attnum, 'INSERT'),
			has_column_privilege(t.oid, a.attnum, 'UPDATE'), has_table_privilege(t.oid, 'DELETE')
		FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid
		WHERE n.nspname = $1 AND t.relkind IN ('r', 'p', 'v') AND NOT a.attisdropped AND (a.attnum > 0 OR a.attname = 'xmin')
			AND t.relname IN ('OrganizationSponsorship', 'OrganizationConnection', 'Organization', 'OrganizationUser', '__EFMigrationsHistory')`,
		c.scanColumn, schema)
	if err == nil {
		c.head, err = c.newest(ctx, session, postgreSQLSyntax())
	}
	return c, err
}

// askPostgreSQL counts the rows and adds up their versions: every change of one
// changes the one or the other. Where versions are not granted it hashes the rows.
func askPostgreSQL(ctx context.Context, session *sql.Conn, l layout) (answer, error) {
	parts := make([]string, 0, 3)
	for _, table := range []string{sponsorships, connections, organizations} {
		parts = append(parts, fmt.Sprintf("(SELECT %s FROM %q%s)", versionsPostgreSQL(table, l), table, onlyBillingSync(table, `"Type"`)))
	}
	var text string
	err := session.QueryRowContext(ctx, "SELECT concat_ws(' ', "+strings.Join(parts, ", ")+")").Scan(&text)
	return answer{text: text, settled: true}, err
}

func printPostgreSQL(table string, l layout) string {
	of := organizationColumn(table)
	return fmt.Sprintf(`SELECT %q::text, %s FROM %q WHERE %q IS NOT NULL%s GROUP BY 1`, of, versionsPostgreSQL(table, l), table, of,
		strings.Replace(onlyBillingSync(table, `"Type"`), "WHERE", "AND", 1))
}

// versionsPostgreSQL is an aggregate that differs when the rows differ.
func versionsPostgreSQL(table string, l layout) string {
	if l.has(table, rowVersion) {
		// The sum of xmin, told by its ages: they are numbers, while xmin can be read only
		// as a text, which takes twice as long. Both terms grow together with time.
		return `count(*) || '/' || count(*) * age('3'::xid) - coalesce(sum(age(xmin)), 0)`
	}
	columns := make([]string, 0, len(l[table]))
	for _, name := range l[table] {
		columns = append(columns, postgreSQLSyntax().quote(name))
	}
	return fmt.Sprintf("count(*) || '/' || coalesce(bit_xor(hash_record_extended(ROW(%s), 0)), 0)", strings.Join(columns, ", "))
}

func grantPostgreSQL(g grant) string {
	quote := postgreSQLSyntax().quote
	columns := make([]string, 0, len(g.columns))
	for _, name := range g.columns {
		if name == rowVersion {
			columns = append(columns, name)
		} else {
			columns = append(columns, quote(name))
		}
	}
	return fmt.Sprintf("GRANT %s ON %s TO %s;", withColumns(g.right, columns), quote(g.table), g.user)
}

func explainPostgreSQL(err error) cause {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return away
	}
	switch e.Code {
	case "42703", "42P01", "3F000": // no such column, table, schema
		return noColumn
	case "55P03", "40P01", "40001", "57014": // a lock was waited for too long, a deadlock, a conflict, the statement ran too long
		return busy
	case "42501":
		return noGrant
	}
	return away
}
