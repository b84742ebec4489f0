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

	"github.com/go-sql-driver/mysql"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

func mySQL() dialect {
	return dialect{
		syntax:  mySQLSyntax(),
		connect: connectMySQL,
		inspect: inspectMySQL,
		ask:     askMySQL,
		explain: explainMySQL,
	}
}

func mySQLSyntax() syntax {
	quote := func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
	return syntax{
		userColumn: "SponsoringOrganizationUserId",
		history:    column{table: "__EFMigrationsHistory", name: "MigrationId"},
		since:      sinceMySQL(),
		quote:      quote,
		param:      func(int) string { return "?" },
		bindID:     func(id string) any { return id },
		readID:     quote,
		readText:   quote,
		readFlag:   quote,
		readDate:   func(column string) string { return "CAST(" + quote(column) + " AS char)" },
		sameText: func(expression, param string) string {
			return "CAST(CONVERT(" + expression + " USING utf8mb4) AS BINARY) = CAST(" + param + " AS BINARY)"
		},
		flag:     func(set bool) string { return strconv.Itoa(number(set)) },
		bindDate: func(at time.Time) any { return at.Format("2006-01-02 15:04:05.000000") },
		print:    printMySQL,
		grant:    grantMySQL,
	}
}

// sinceMySQL lists the first migration with each column. A user to whom a column
// was not granted gets the same error as for one that is not there, and does
// not see it in the catalog; the newest migration alone tells the two apart.
func sinceMySQL() map[string]string {
	since := map[string]string{"OrganizationSponsorship.IsAdminInitiated": "20250326092653", "__EFMigrationsHistory.MigrationId": ""}
	for migration, columns := range map[string]string{
		"20210617183900": "Organization.Id Organization.LicenseKey Organization.Name OrganizationUser.Id OrganizationUser.OrganizationId",
		"20211108225243": "OrganizationSponsorship.Id OrganizationSponsorship.SponsoringOrganizationId OrganizationSponsorship.SponsoringOrganizationUserId " +
			"OrganizationSponsorship.OfferedToEmail OrganizationSponsorship.FriendlyName OrganizationSponsorship.LastSyncDate",
		"20220322191314": "OrganizationSponsorship.ToDelete OrganizationSponsorship.ValidUntil OrganizationConnection.Id OrganizationConnection.OrganizationId " +
			"OrganizationConnection.Type OrganizationConnection.Enabled OrganizationConnection.Config",
	} {
		for column := range strings.FieldsSeq(columns) {
			since[column] = migration
		}
	}
	return since
}

// connectMySQL lets dates come as the texts that they are.
func connectMySQL(t connstring.Target, readOnly bool) (driver.Connector, error) {
	encryption, err := tlsOf(t)
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", t.Address()
	if strings.HasPrefix(t.Host, "/") {
		config.Net = "unix"
	}
	config.DBName, config.User, config.Passwd = t.Database, t.User, t.Password.Reveal()
	config.TLS, config.AllowFallbackToPlaintext = encryption, t.Encryption.Mode == connstring.Preferred
	config.Timeout, config.ReadTimeout, config.WriteTimeout = 5*lockLimit, callLimit, callLimit
	config.ClientFoundRows = true // a write that changes nothing has still found its row
	config.Collation = "utf8mb4_bin"
	config.Logger = &mysql.NopLogger{} // what happens comes back as an error
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return prepared{connector, prepareMySQL(readOnly)}, nil
}

// prepareMySQL sets the limits; what one of the two servers does not know stands in a
// comment that only the other one runs.
func prepareMySQL(readOnly bool) []string {
	limits := fmt.Sprintf("SET SESSION innodb_lock_wait_timeout = %d, lock_wait_timeout = %d, sql_mode = 'STRICT_ALL_TABLES' "+
		"/*M!100101 , max_statement_time = %d */ /*!80003 , max_execution_time = %d, information_schema_stats_expiry = 0 */",
		int(lockLimit.Seconds()), int(lockLimit.Seconds()), int(statementLimit.Seconds()), statementLimit.Milliseconds())
	access := "SET SESSION TRANSACTION READ WRITE"
	if readOnly {
		access = "SET SESSION TRANSACTION READ ONLY"
	}
	return []string{limits, access}
}

// askMySQL asks when the tables were last written, which is known to the second: an
// answer counts only when that second is well over.
func askMySQL(ctx context.Context, session *sql.Conn, _ layout) (answer, error) {
	var a answer
	err := session.QueryRowContext(ctx, `SELECT COALESCE(GROUP_CONCAT(TABLE_NAME, '=', COALESCE(UPDATE_TIME, '-') ORDER BY TABLE_NAME), ''),
			COALESCE(MAX(UPDATE_TIME) < NOW() - INTERVAL 1 SECOND, 1)
		FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
			AND TABLE_NAME IN ('OrganizationSponsorship', 'OrganizationConnection', 'Organization')`).Scan(&a.text, &a.settled)
	return a, err
}

// printMySQL multiplies a hash of the row with one of its id. Plain sums of CRCs cancel
// each other out when two rows change in the same way. It groups by an
// expression, so that the table is read through once and not row by row along an index,
// which takes twice as long.
func printMySQL(table string, l layout) string {
	quote := mySQLSyntax().quote
	columns := []string{"''"}
	for _, name := range l[table] {
		if name != "Id" && name != organizationColumn(table) {
			columns = append(columns, fmt.Sprintf("COALESCE(%s, '-')", quote(name)))
		}
	}
	of := "LOWER(" + quote(organizationColumn(table)) + ")"
	return fmt.Sprintf("SELECT %s, CONCAT(COUNT(*), '/', BIT_XOR(CRC32(%s) * CRC32(CONCAT_WS('|', %s)))) FROM %s WHERE %s IS NOT NULL%s GROUP BY %s",
		of, quote("Id"), strings.Join(columns, ", "), quote(table), of,
		strings.Replace(onlyBillingSync(table, quote("Type")), "WHERE", "AND", 1), of)
}

func grantMySQL(g grant) string {
	quote := mySQLSyntax().quote
	columns := make([]string, 0, len(g.columns))
	for _, name := range g.columns {
		columns = append(columns, quote(name))
	}
	return fmt.Sprintf("GRANT %s ON %s TO %s;", withColumns(g.right, columns), quote(g.table), g.user)
}

func explainMySQL(err error) cause {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return away
	}
	switch e.Number {
	case 1205, 1213, 1969, 3024: // a lock was waited for too long, a deadlock, the statement ran too long on either server
		return busy
	case 1054, 1146: // no such column, table
		return noColumn
	case 1142, 1143: // no right on the table, the column, or there is none
		return noSuch
	}
	return away
}
