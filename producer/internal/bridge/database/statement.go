package database

import (
	"fmt"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// statement returns a write as one statement, "" where there is nothing to change. What the row
// must still be stands in its condition, every column that a look reads.
func (s syntax) statement(l layout, organization sponsorship.ID, w vault.Write) (string, []any) {
	b := binding{syntax: s}
	change := "DELETE FROM " + s.quote(sponsorships)
	if !w.Delete {
		sets := b.sets(w)
		if len(sets) == 0 {
			return "", nil
		}
		change = fmt.Sprintf("UPDATE %s SET %s", s.quote(sponsorships), strings.Join(sets, ", "))
	}
	return change + " WHERE " + strings.Join(b.same(l, organization, w.Was), " AND "), b.args
}

// binding puts values into a statement, in the order in which it names them.
type binding struct {
	syntax syntax
	args   []any
}

func (b *binding) bind(value any) string {
	b.args = append(b.args, value)
	return b.syntax.param(len(b.args))
}

func (b *binding) sets(w vault.Write) (sets []string) {
	marked, synced, validUntil := w.Sets()
	set := func(column, value string) { sets = append(sets, b.syntax.quote(column)+" = "+value) }
	if synced {
		set("LastSyncDate", b.date(w.Synced))
	}
	if validUntil {
		set("ValidUntil", b.date(w.ValidUntil))
	}
	if marked {
		set("ToDelete", b.syntax.flag(w.Marked))
	}
	return sets
}

// date cuts what it is given, for not every engine does: PostgreSQL rounds. Then what is read
// back is what was written.
func (b *binding) date(at *time.Time) string {
	if at == nil {
		return "NULL"
	}
	return b.bind(b.syntax.bindDate(vault.Cut(*at)))
}

// same is the row as it was read. NULL and an empty text are read alike, so they are compared alike.
func (b *binding) same(l layout, organization sponsorship.ID, was vault.Row) []string {
	s := b.syntax
	id := func(column string, id string) string { return s.quote(column) + " = " + b.bind(s.bindID(id)) }
	text := func(column, text string) string { return s.sameText("COALESCE("+s.quote(column)+", '')", b.bind(text)) }
	date := func(column, stored string) string {
		return "COALESCE(" + s.readDate(column) + ", '') = " + b.bind(stored)
	}
	flag := func(column string, set bool) string { return fmt.Sprintf("(%s) = %d", s.readFlag(column), number(set)) }
	same := []string{
		id("Id", was.ID), id("SponsoringOrganizationId", string(organization)), id(s.userColumn, string(was.User)),
		text("OfferedToEmail", was.Email), text("FriendlyName", was.Name),
		flag("ToDelete", was.Marked), date("LastSyncDate", was.Stored.Synced), date("ValidUntil", was.Stored.ValidUntil),
	}
	if l.has(sponsorships, "IsAdminInitiated") {
		same = append(same, flag("IsAdminInitiated", was.Admin))
	}
	return same
}

func number(set bool) int {
	if set {
		return 1
	}
	return 0
}
