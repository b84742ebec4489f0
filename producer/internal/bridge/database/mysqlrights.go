package database

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// inspectMySQL reads the information schema, which lists only the columns that the
// user may use in some way, each with what it may do there.
func inspectMySQL(ctx context.Context, session *sql.Conn) (catalog, error) {
	c := catalog{columns: map[string]map[string]rights{}, tables: map[string]rights{}, hides: true}
	var user string
	if err := session.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&user); err != nil {
		return catalog{}, err
	}
	c.user = quotedUser(user)
	err := each(ctx, session, `SELECT TABLE_NAME, COLUMN_NAME, FIND_IN_SET('select', p) > 0, FIND_IN_SET('insert', p) > 0, FIND_IN_SET('update', p) > 0, 0
		FROM (SELECT TABLE_NAME, COLUMN_NAME, REPLACE(LOWER(PRIVILEGES), ' ', '') AS p FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
			AND TABLE_NAME IN ('OrganizationSponsorship', 'OrganizationConnection', 'Organization', 'OrganizationUser', '__EFMigrationsHistory')) AS c`, c.scanColumn)
	if err == nil {
		err = c.readWholeRights(ctx, session)
	}
	if err == nil {
		c.head, err = c.newest(ctx, session, mySQLSyntax())
	}
	return c, err
}

// quotedUser turns user@host into the form of a GRANT.
func quotedUser(user string) string {
	at := strings.LastIndexByte(user, '@')
	if at < 0 {
		return "'" + user + "'"
	}
	return fmt.Sprintf("'%s'@'%s'", strings.ReplaceAll(user[:at], "'", "''"), user[at+1:])
}

// readWholeRights finds out who may delete rows: a right of the table, of the
// database or of the server, given to the user or to its present role.
func (c *catalog) readWholeRights(ctx context.Context, session *sql.Conn) error {
	return each(ctx, session, `SELECT g.place, g.right_type FROM (
			SELECT GRANTEE, TABLE_NAME AS place, PRIVILEGE_TYPE AS right_type FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = DATABASE()
			UNION ALL SELECT GRANTEE, '', PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE DATABASE() LIKE TABLE_SCHEMA
			UNION ALL SELECT GRANTEE, '*', PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES) AS g
		WHERE g.GRANTEE IN (?, CONCAT('''', CURRENT_ROLE(), '''@''''')) AND g.right_type <> 'USAGE'`,
		func(rows *sql.Rows) error {
			var place, right string
			if err := rows.Scan(&place, &right); err != nil {
				return err
			}
			c.addWhole(place, right)
			return nil
		}, c.user)
}

func (c *catalog) addWhole(place, right string) {
	if place == "*" && right != "DELETE" && right != "SELECT" && right != "INSERT" && right != "UPDATE" {
		c.beyond = append(c.beyond, "has the right "+right+" on the whole server")
	}
	if right != "DELETE" {
		return
	}
	for table := range c.columns {
		if place == table || place == "" || place == "*" {
			c.tables[table] = rights{delete: true}
		}
	}
}
