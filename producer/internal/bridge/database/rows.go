package database

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// rows reads the organization's sponsorships and, by the same statement, which ones
// have lost their organization: a row is never in both or neither.
func (r reader) rows(ctx context.Context, s *vault.Snapshot) error {
	q := r.syntax
	admin := "0"
	if r.layout.has(sponsorships, "IsAdminInitiated") {
		admin = q.readFlag("IsAdminInitiated")
	}
	expressions := []string{
		q.readID("Id"), q.readID("SponsoringOrganizationId"), q.readID(q.userColumn), q.readText("OfferedToEmail"), q.readText("FriendlyName"),
		q.readFlag("ToDelete"), admin, q.readDate("LastSyncDate"), q.readDate("ValidUntil"),
	}
	organization := q.quote("SponsoringOrganizationId")
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s = %s OR %s IS NULL", strings.Join(expressions, ", "),
		q.quote(sponsorships), organization, q.param(1), organization)
	err := r.each(ctx, query, func(rows *sql.Rows) error { return r.row(rows, s) })
	sortByAge(s)
	return err
}

func (r reader) row(rows *sql.Rows, s *vault.Snapshot) error {
	var row vault.Row
	var organization, user, email, name, synced, valid sql.NullString
	if err := rows.Scan(&row.ID, &organization, &user, &email, &name, &row.Marked, &row.Admin, &synced, &valid); err != nil {
		return err
	}
	row.ID = strings.ToLower(row.ID)
	if !organization.Valid {
		s.Detached[row.ID] = true
		return nil
	}
	row.User = sponsorship.ID(strings.ToLower(user.String))
	row.Email, row.Name = email.String, name.String
	row.Stored = vault.StoredDates{Synced: synced.String, ValidUntil: valid.String}
	row.Synced = date(&row, "LastSyncDate", synced)
	row.ValidUntil = date(&row, "ValidUntil", valid)
	if !sponsorship.ID(row.ID).Valid() {
		row.Unreadable = append(row.Unreadable, "Id")
	}
	if !row.User.Valid() {
		row.Unreadable = append(row.Unreadable, r.syntax.userColumn)
	}
	s.Rows = append(s.Rows, row)
	return nil
}

// date reads a date of a row, and notes the column when it is none.
func date(row *vault.Row, column string, text sql.NullString) *time.Time {
	if !text.Valid {
		return nil
	}
	if t, ok := parseDate(text.String); ok {
		return &t
	}
	row.Unreadable = append(row.Unreadable, column)
	return nil
}

// parseDate reads the forms that the server itself reads as they were meant. One with
// a zone is read wrongly by it, so nobody knows what it means; of all others
// it can't read the organization at all.
func parseDate(text string) (time.Time, bool) {
	for _, form := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(form, text); err == nil { // takes fractions of a second, too
			return vault.Cut(t), true
		}
	}
	return time.Time{}, false
}
