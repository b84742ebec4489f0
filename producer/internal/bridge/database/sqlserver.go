package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

// prepareSQLServer is run on each session first. No snapshot is on by default, so a
// reader waits for a writer's row: a second at most, and we are the one that gives way.
// READ UNCOMMITTED would show rows that are rolled back, a revoke that never was. A server can be
// told to count no rows, and then nobody knows whether a write met one.
const prepareSQLServer = "SET NOCOUNT OFF; SET LOCK_TIMEOUT 1000; SET DEADLOCK_PRIORITY LOW; SET XACT_ABORT ON; SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"

// sqlServer is written from documents and was never run on a real server; see the README.
func sqlServer() dialect {
	return dialect{
		syntax:  sqlServerSyntax(),
		connect: connectSQLServer,
		inspect: inspectSQLServer,
		ask:     askSQLServer,
		explain: explainSQLServer,
	}
}

// sqlServerSyntax reads ids and dates as texts: the driver hands out the bytes of an
// id with three groups reversed, and dates in a zone that they do not have.
func sqlServerSyntax() syntax {
	quote := func(name string) string { return "[" + strings.ReplaceAll(name, "]", "]]") + "]" }
	return syntax{
		userColumn: "SponsoringOrganizationUserID",
		history:    column{table: "Migration", name: "ScriptName"},
		quote:      quote,
		param:      func(number int) string { return "@p" + strconv.Itoa(number) },
		bindID:     func(id string) any { return id },
		readID:     func(column string) string { return "LOWER(CONVERT(char(36), " + quote(column) + "))" },
		readText:   quote,
		readFlag:   func(column string) string { return "CAST(" + quote(column) + " AS int)" },
		readDate:   func(column string) string { return "CONVERT(varchar(27), " + quote(column) + ", 121)" },
		sameText:   sameTextSQLServer,
		flag:       func(set bool) string { return strconv.Itoa(number(set)) },
		bindDate:   func(at time.Time) any { return civil.DateTimeOf(at) }, // datetime2 as the column; a time.Time would go as datetimeoffset
		print:      printSQLServer,
		grant:      grantSQLServer,
	}
}

// sameTextSQLServer compares bytes: no collation there tells trailing blanks apart.
func sameTextSQLServer(expression, param string) string {
	return fmt.Sprintf("CAST(%s AS varbinary(512)) = CAST(CAST(%s AS nvarchar(256)) AS varbinary(512))", expression, param)
}

// connectSQLServer says to the driver what the connection string means: left out, the
// driver's own default would be not to encrypt.
func connectSQLServer(t connstring.Target, _ bool) (driver.Connector, error) {
	text, err := addressSQLServer(t)
	if err != nil {
		return nil, err
	}
	connector, err := mssql.NewConnector(text)
	if err != nil {
		return nil, err
	}
	connector.SessionInitSQL = prepareSQLServer
	return connector, nil
}

func addressSQLServer(t connstring.Target) (string, error) {
	encrypt, ok := map[connstring.Mode]string{
		connstring.Plain: "disable", connstring.Preferred: "false",
		connstring.Required: "true", connstring.Checked: "true", connstring.Strict: "strict",
	}[t.Encryption.Mode]
	if !ok {
		return "", fmt.Errorf("SQL Server knows no encryption %q", t.Encryption.Mode)
	}
	settings := url.Values{
		"database": {t.Database}, "encrypt": {encrypt}, "app name": {"sponsorsync bridge"}, "dial timeout": {"5"},
		"TrustServerCertificate": {strconv.FormatBool(t.Encryption.Mode < connstring.Checked)},
	}
	if t.Encryption.RootFile != "" {
		settings.Set("certificate", t.Encryption.RootFile)
	}
	if t.Encryption.HostName != "" {
		settings.Set("hostNameInCertificate", t.Encryption.HostName)
	}
	address := url.URL{
		Scheme: "sqlserver", User: url.UserPassword(t.User, t.Password.Reveal()),
		Host: t.Host, Path: t.Instance, RawQuery: settings.Encode(),
	}
	if t.Instance == "" || t.Port != 0 {
		address.Host, address.Path = t.Address(), ""
	}
	return address.String(), nil
}

// inspectSQLServer lists what the user may see: a column without any right on it
// looks like one that is not there, but to those who may see everything.
func inspectSQLServer(ctx context.Context, session *sql.Conn) (catalog, error) {
	c := catalog{columns: map[string]map[string]rights{}, tables: map[string]rights{}}
	var admin, owner bool
	err := session.QueryRowContext(ctx, whoSQLServer).Scan(&c.user, &admin, &owner)
	if err != nil {
		return catalog{}, err
	}
	c.hides = !admin && !owner
	if admin {
		c.beyond = append(c.beyond, "is a server administrator")
	}
	if owner {
		c.beyond = append(c.beyond, "owns the database")
	}
	if err = each(ctx, session, columnsSQLServer, c.scanColumn); err != nil {
		return catalog{}, err
	}
	c.head, err = c.newest(ctx, session, sqlServerSyntax())
	return c, err
}

const whoSQLServer = "SELECT QUOTENAME(USER_NAME()), COALESCE(IS_SRVROLEMEMBER('sysadmin'), 0), COALESCE(IS_ROLEMEMBER('db_owner'), 0)"

const columnsSQLServer = `SELECT t.name, c.name,
	COALESCE(HAS_PERMS_BY_NAME(N'[dbo].' + QUOTENAME(t.name), N'OBJECT', N'SELECT', c.name, N'COLUMN'), 0),
	COALESCE(HAS_PERMS_BY_NAME(N'[dbo].' + QUOTENAME(t.name), N'OBJECT', N'INSERT'), 0),
	COALESCE(HAS_PERMS_BY_NAME(N'[dbo].' + QUOTENAME(t.name), N'OBJECT', N'UPDATE', c.name, N'COLUMN'), 0),
	COALESCE(HAS_PERMS_BY_NAME(N'[dbo].' + QUOTENAME(t.name), N'OBJECT', N'DELETE'), 0)
FROM sys.tables AS t JOIN sys.columns AS c ON c.object_id = t.object_id
WHERE t.schema_id = SCHEMA_ID(N'dbo')
	AND t.name IN (N'OrganizationSponsorship', N'OrganizationConnection', N'Organization', N'OrganizationUser', N'Migration')`

// askSQLServer asks for a checksum of all rows. Two changes may cancel each other out in
// it, so it only hastens a look.
func askSQLServer(ctx context.Context, session *sql.Conn, l layout) (answer, error) {
	var text string
	err := session.QueryRowContext(ctx, questionSQLServer(l)).Scan(&text)
	return answer{text: text, settled: true}, err
}

func questionSQLServer(l layout) string {
	quote := sqlServerSyntax().quote
	parts := make([]string, 0, 3)
	for _, table := range []string{sponsorships, connections, organizations} {
		parts = append(parts, fmt.Sprintf("(SELECT %s FROM %s%s)", checksum(table, l), quote(table), onlyBillingSync(table, quote("Type"))))
	}
	return "SELECT CONCAT(" + strings.Join(parts, ", ' ', ") + ")"
}

func printSQLServer(table string, l layout) string {
	s := sqlServerSyntax()
	of := organizationColumn(table)
	return fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s IS NOT NULL%s GROUP BY %s", s.readID(of), checksum(table, l), s.quote(table), s.quote(of),
		strings.Replace(onlyBillingSync(table, s.quote("Type")), "WHERE", "AND", 1), s.quote(of))
}

// checksum counts the rows and sums them up. CHECKSUM_AGG alone adds without carry, so two
// rows that change alike leave it as it was; in the other sum each row has a weight of its
// own, small enough for half a million rows to fit.
func checksum(table string, l layout) string {
	columns := make([]string, 0, len(l[table]))
	for _, name := range l[table] {
		columns = append(columns, sqlServerSyntax().quote(name))
	}
	row := "BINARY_CHECKSUM(" + strings.Join(columns, ", ") + ")"
	return fmt.Sprintf("CONCAT(COUNT_BIG(*), '/', CHECKSUM_AGG(%s), '/', SUM(CAST(%s AS bigint) * (BINARY_CHECKSUM(%s) %% 8191)))",
		row, row, sqlServerSyntax().quote("Id"))
}

func grantSQLServer(g grant) string {
	quote := sqlServerSyntax().quote
	columns := make([]string, 0, len(g.columns))
	for _, name := range g.columns {
		columns = append(columns, quote(name))
	}
	list := ""
	if len(columns) > 0 {
		list = " (" + strings.Join(columns, ", ") + ")"
	}
	return fmt.Sprintf("GRANT %s ON OBJECT::[dbo].%s%s TO %s;", g.right, quote(g.table), list, g.user)
}

func explainSQLServer(err error) cause {
	e, ok := errors.AsType[mssql.Error](err)
	if !ok {
		return away
	}
	switch e.Number {
	case 207, 208: // no such column, table
		return noColumn
	case 1205, 1222: // a deadlock, a lock was waited for too long
		return busy
	case 229, 230: // no right on the table, the column
		return noGrant
	}
	return away
}
