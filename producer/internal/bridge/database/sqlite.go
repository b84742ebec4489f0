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

	"modernc.org/sqlite"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

func sqLite() dialect {
	return dialect{
		syntax:  sqLiteSyntax(),
		connect: connectSQLite,
		inspect: inspectSQLite,
		ask:     askSQLite,
		explain: explainSQLite,
	}
}

// sqLiteSyntax says of each column what it is meant to be, because the engine itself
// lets anything stand in any.
func sqLiteSyntax() syntax {
	// In double quotes a column that is not there would be taken for a text.
	quote := func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
	text := func(column string) string { return "CAST(" + quote(column) + " AS TEXT)" }
	return syntax{
		userColumn: "SponsoringOrganizationUserId",
		history:    column{table: "__EFMigrationsHistory", name: "MigrationId"},
		quote:      quote,
		param:      func(int) string { return "?" },
		bindID:     func(id string) any { return strings.ToUpper(id) }, // as the server writes them, and text is compared byte by byte
		readID:     text,
		readText:   text,
		readFlag:   func(column string) string { return "CAST(" + quote(column) + " AS INTEGER) <> 0" }, // so "true" is false, as for the server
		readDate:   text,
		sameText: func(expression, param string) string {
			return "CAST(" + expression + " AS BLOB) = CAST(" + param + " AS BLOB)"
		},
		flag:     func(set bool) string { return strconv.Itoa(number(set)) },
		bindDate: func(at time.Time) any { return at.Format("2006-01-02 15:04:05.999999") }, // as the server writes it; any other form it reads wrongly, or not at all
		print:    printSQLite,
		grant:    func(grant) string { return "" }, // who may read the file may read all of it
	}
}

// connectSQLite never creates the file, never changes its mode, and never opens it as
// immutable: that would leave out what is still in the log. Its commits do not wait for the disk,
// so they hold the lock for as short as can be: the server's next commit takes them along, and
// one that a power failure loses is written again.
func connectSQLite(t connstring.Target, readOnly bool) (driver.Connector, error) {
	only := "0"
	if readOnly {
		only = "1"
	}
	name := url.URL{Scheme: "file", Path: t.File, RawQuery: url.Values{
		"mode":    {"rw"},
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", lockLimit.Milliseconds()), "synchronous(normal)", "query_only(" + only + ")"},
	}.Encode()}
	return sqlite.NewConnector(name.String())
}

// inspectSQLite refuses a file that is not in WAL mode: there every reader makes
// writes of the server fail, and a write that fails costs a member's offer.
func inspectSQLite(ctx context.Context, session *sql.Conn) (catalog, error) {
	c := catalog{columns: map[string]map[string]rights{}, tables: map[string]rights{}, userless: true}
	var mode, file string
	if err := session.QueryRowContext(ctx, "SELECT journal_mode, (SELECT file FROM pragma_database_list WHERE name = 'main') FROM pragma_journal_mode").Scan(&mode, &file); err != nil {
		return catalog{}, err
	}
	if !strings.EqualFold(mode, "wal") {
		c.unsafe = fmt.Sprintf("its journal mode is %q, not \"wal\", so that each look could make a write of the server fail. "+
			"Stop the server, copy the file, run: sqlite3 '%s' 'PRAGMA journal_mode=WAL;' as the server's user, and start the server again", mode, file)
		return c, nil
	}
	err := each(ctx, session, `SELECT t.name, c.name, 1, 1, 1, 1 FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c
		WHERE t.type = 'table' AND t.name IN ('OrganizationSponsorship', 'OrganizationConnection', 'Organization', 'OrganizationUser', '__EFMigrationsHistory')`,
		c.scanColumn)
	if err == nil {
		c.head, err = c.newest(ctx, session, sqLiteSyntax())
	}
	return c, err
}

// askSQLite asks for a number that moves with each commit of another connection.
func askSQLite(ctx context.Context, session *sql.Conn, _ layout) (answer, error) {
	a := answer{settled: true}
	err := session.QueryRowContext(ctx, "PRAGMA data_version").Scan(&a.text)
	return a, err
}

// printSQLite returns the rows themselves: the engine has no hash, and is in our process anyway.
func printSQLite(table string, l layout) string {
	quote := sqLiteSyntax().quote
	columns := make([]string, 0, len(l[table]))
	for _, name := range l[table] {
		columns = append(columns, "quote("+quote(name)+")")
	}
	of := quote(organizationColumn(table))
	return fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s IS NOT NULL%s", of, strings.Join(columns, " || ',' || "), quote(table), of,
		strings.Replace(onlyBillingSync(table, quote("Type")), "WHERE", "AND", 1))
}

// codeBusy is SQLITE_BUSY; what stands above the lowest byte says more.
const codeBusy = 5

func explainSQLite(err error) cause {
	e, ok := errors.AsType[*sqlite.Error](err)
	if ok && e.Code()&0xff == codeBusy {
		return busy
	}
	if ok && (strings.Contains(e.Error(), "no such column") || strings.Contains(e.Error(), "no such table")) {
		return noColumn
	}
	return away
}
