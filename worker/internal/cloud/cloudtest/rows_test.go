package cloudtest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

const wireNow = "2026-08-20T19:16:19.1234567Z" // the lab's clock as the cloud prints it

func TestRowsLive(t *testing.T) {
	t.Parallel()
	u1, u2 := uuid.NewString(), uuid.NewString()
	conform(t, []conformance{
		{"R1 new row", func(l *lab) {
			got := l.try(row(u1)).body
			equal(l.T, "answer", got, `{"sponsorshipsBatch":[{"sponsoringOrganizationUserId":"`+u1+
				`","friendlyName":"n","offeredToEmail":"e@x.test","planSponsorshipType":0,"lastSyncDate":"`+wireNow+
				`","validUntil":null,"toDelete":false,"cloudSponsorshipRemoved":false,"isAdminInitiated":false}]}`)
			l.is(1, 1)
			equal(l.T, "mails to the address", len(l.cloud.MailsTo("E@x.test")), 1)
		}},
		{"R2 repeated", func(l *lab) {
			l.sync(row(u1))
			l.clock.Advance(time.Hour)
			equal(l.T, "lastSyncDate", l.sync(row(u1))[0]["lastSyncDate"], any("2026-08-20T20:16:19.1234567Z"))
			equal(l.T, "stored", l.cloud.Rows(l.org.ID)[0].LastSyncDate, l.clock.Now())
			l.is(1, 1)
		}},
		{"R3 known and new", func(l *lab) {
			l.sync(row(u1))
			equal(l.T, "answered", len(l.sync(row(u1), row(u2, "offeredToEmail", "f@x.test"))), 2)
			equal(l.T, "mails to the new one", len(l.cloud.MailsTo("f@x.test")), 1)
			l.is(2, 2)
		}},
		{"R4 edits are not taken", func(l *lab) {
			l.sync(row(u1))
			got := l.sync(row(u1, "friendlyName", "m", "offeredToEmail", "f@x.test"))[0]
			equal(l.T, "echoed name", got["friendlyName"], any("m"))
			equal(l.T, "echoed address", got["offeredToEmail"], any("f@x.test"))
			stored := l.cloud.Rows(l.org.ID)[0]
			equal(l.T, "stored", stored.FriendlyName+stored.OfferedToEmail, "ne@x.test")
			l.is(1, 1)
		}},
		{"R5 validUntil is the cloud's", func(l *lab) {
			user, until := l.redeemed()
			got := l.sync(row(user, "validUntil", "2030-01-01T00:00:00Z"))[0]
			equal(l.T, "validUntil", got["validUntil"], any(until.Format("2006-01-02T15:04:05.9999999Z")))
		}},
		{"R22 rows not sent are untouched", func(l *lab) {
			l.sync(row(u1))
			l.clock.Advance(time.Hour)
			equal(l.T, "answered", len(l.sync(row(u2))), 1)
			equal(l.T, "date", l.cloud.Rows(l.org.ID)[0].LastSyncDate, l.clock.Now().Add(-time.Hour))
		}},
	})
}

func TestRowsEndedOnTheCloud(t *testing.T) {
	t.Parallel()
	u1 := uuid.NewString()
	conform(t, []conformance{
		{"R26 revoked on the cloud", func(l *lab) {
			l.sync(row(u1))
			if err := l.cloud.Revoke(l.org.ID, u1); err != nil {
				l.Fatal(err)
			}
			l.is(0, 1)
			l.sync(row(u1))
			l.is(1, 2)
		}},
		{"R27 removed by the sponsored side", func(l *lab) {
			user, _ := l.redeemed()
			if err := l.cloud.RemoveSponsored(l.org.ID, user); err != nil {
				l.Fatal(err)
			}
			equal(l.T, "toDelete", l.sync(row(user))[0]["toDelete"], any(false))
			equal(l.T, "stored", l.cloud.Rows(l.org.ID)[0].ToDelete, true)
		}},
	})
}

func TestRowsTombstones(t *testing.T) {
	t.Parallel()
	user := uuid.NewString()
	removed := func(l *lab, sent object) {
		l.Helper()
		got := l.sync(sent)
		equal(l.T, "answered", len(got), 1)
		equal(l.T, "cloudSponsorshipRemoved", got[0]["cloudSponsorshipRemoved"], any(true))
		equal(l.T, "toDelete", got[0]["toDelete"], any(true))
	}
	conform(t, []conformance{
		{"R6 unknown, undated", func(l *lab) {
			equal(l.T, "answered", len(l.sync(tombstone(user, false))), 0)
			l.is(0, 0)
		}},
		{"R7 unknown, dated: resurrection", func(l *lab) {
			removed(l, tombstone(user, true))
			l.is(1, 1)
		}},
		{"R8 known", func(l *lab) {
			for i, dated := range []bool{false, true} {
				l.sync(row(user))
				removed(l, tombstone(user, dated))
				l.is(0, i+1)
			}
		}},
		{"R10 R8 repeated, dated", func(l *lab) {
			l.sync(row(user))
			removed(l, tombstone(user, true))
			removed(l, tombstone(user, true))
			l.is(1, 2)
		}},
		{"R11 R8 repeated, undated", func(l *lab) {
			l.sync(row(user))
			removed(l, tombstone(user, false))
			equal(l.T, "answered", len(l.sync(tombstone(user, false))), 0)
			l.is(0, 1)
		}},
	})
}

func TestRowsRedeemedTombstones(t *testing.T) {
	t.Parallel()
	conform(t, []conformance{
		{"R9 known, redeemed", func(l *lab) {
			user, until := l.redeemed()
			got := l.sync(tombstone(user, false))[0]
			equal(l.T, "cloudSponsorshipRemoved", got["cloudSponsorshipRemoved"], any(false))
			equal(l.T, "toDelete", got["toDelete"], any(true))
			equal(l.T, "validUntil", got["validUntil"], any(until.Format("2006-01-02T15:04:05.9999999Z")))
			equal(l.T, "stored", l.cloud.Rows(l.org.ID)[0].ToDelete, true)
		}},
		{"R12 no way back", func(l *lab) {
			user, _ := l.redeemed()
			l.sync(tombstone(user, false))
			equal(l.T, "echo", l.sync(row(user))[0]["toDelete"], any(false))
			equal(l.T, "stored", l.cloud.Rows(l.org.ID)[0].ToDelete, true)
		}},
		{"R13 one of two redeemed", func(l *lab) {
			kept, _ := l.redeemed()
			user := uuid.NewString()
			l.sync(row(user))
			got := l.sync(tombstone(user, false), tombstone(kept, false))
			equal(l.T, "first removed", got[0]["cloudSponsorshipRemoved"], any(true))
			equal(l.T, "second removed", got[1]["cloudSponsorshipRemoved"], any(false))
			l.is(1, 1)
			equal(l.T, "left", l.cloud.Rows(l.org.ID)[0].OrganizationUserID, kept)
		}},
	})
}

func TestRowsOfUnfitOrganizations(t *testing.T) {
	t.Parallel()
	disabled := func(days int) func(*cloudtest.Organization) {
		return func(o *cloudtest.Organization) {
			at := time.Date(2026, 8, 20, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -days)
			o.Enabled, o.Expires = false, &at
		}
	}
	sends := func(change func(*cloudtest.Organization), sent object, rows int) func(*lab) {
		return func(l *lab) {
			l.edit(change)
			equal(l.T, "answered", len(l.sync(sent)), rows)
			l.is(rows, rows)
			equal(l.T, "events", l.cloud.SyncEvents(l.org.ID), 1)
		}
	}
	plan := func(n int) func(*cloudtest.Organization) { return func(o *cloudtest.Organization) { o.PlanType = n } }
	user := uuid.NewString()
	conform(t, []conformance{
		{"R14 Teams", sends(plan(cloudtest.PlanTeams), row(user), 0)},
		{"R14 Families", sends(plan(cloudtest.PlanFamilies), row(user), 0)},
		{"R14 Free", sends(plan(cloudtest.PlanFree), row(user), 0)},
		{"R14 Custom", sends(plan(cloudtest.PlanCustom), row(user), 0)},
		{"R14 Teams, known row", func(l *lab) {
			l.sync(row(user))
			l.edit(plan(cloudtest.PlanTeams))
			equal(l.T, "answered", len(l.sync(tombstone(user, false))), 0)
			l.is(1, 1)
		}},
		{"old Enterprise plan", sends(plan(4), row(user), 1)},
		{"R15 disabled 120 days", sends(disabled(120), row(user), 0)},
		{"R16 disabled, no expiry", sends(func(o *cloudtest.Organization) { o.Enabled = false }, row(user), 0)},
		{"R17 disabled 92 days", sends(disabled(92), row(user), 1)},
		{"R18 disabled 120 days, known", func(l *lab) {
			l.sync(row(user))
			l.edit(disabled(120))
			equal(l.T, "removed", l.sync(tombstone(user, false))[0]["cloudSponsorshipRemoved"], any(true))
			l.is(0, 1)
		}},
		{"R19 disabled 120 days, dated tombstone", sends(disabled(120), tombstone(user, true), 0)},
	})
}

func TestRowsPoison(t *testing.T) {
	t.Parallel()
	u1, u2 := uuid.NewString(), uuid.NewString()
	crash := func(l *lab, r reply) {
		l.Helper()
		refused(l.T, r, http.StatusInternalServerError, unhandled)
	}
	blank := func(address any) func(*lab) {
		return func(l *lab) {
			crash(l, l.try(row(u1, "offeredToEmail", address), row(u2)))
			l.is(2, 0)
			equal(l.T, "effect", l.cloud.SyncRequests()[0].Effect, true)
			equal(l.T, "answered", len(l.sync(row(u1, "offeredToEmail", "late@x.test"), row(u2))), 2)
			l.is(2, 0)
		}
	}
	conform(t, []conformance{
		{"R20 twins in one batch", func(l *lab) {
			equal(l.T, "answered", len(l.sync(row(u1), row(u1))), 2)
			l.is(2, 2)
			crash(l, l.try(row(u2)))
			l.sync() // an empty batch does not look at the rows
		}},
		{"R21 twins on the cloud", func(l *lab) {
			l.cloud.AddRow(cloudtest.Row{OrganizationID: l.org.ID, OrganizationUserID: u1})
			l.cloud.AddRow(cloudtest.Row{OrganizationID: l.org.ID, OrganizationUserID: u1})
			crash(l, l.try(row(u2)))
			l.is(2, 0)
		}},
		{"R23 address null", blank(nil)},
		{"R23 address blank", blank("  ")},
		{"R25 name of 257", func(l *lab) {
			crash(l, l.try(row(u1), row(u2, "friendlyName", strings.Repeat("n", 257))))
			l.is(0, 0)
			equal(l.T, "effect", l.cloud.SyncRequests()[0].Effect, false)
		}},
		{"name of 256", func(l *lab) {
			l.sync(row(u1, "friendlyName", strings.Repeat("n", 256)))
			l.is(1, 1)
		}},
		{"known twice", func(l *lab) {
			l.sync(row(u1))
			equal(l.T, "answered", len(l.sync(row(u1), row(u1))), 2)
			l.is(1, 1)
		}},
	})
}

func TestRowsOddities(t *testing.T) {
	t.Parallel()
	conform(t, []conformance{
		{"R24 no address at all", func(l *lab) {
			l.sync(row(uuid.NewString(), "offeredToEmail", "not-an-address"))
			equal(l.T, "mails", len(l.cloud.MailsTo("not-an-address")), 1)
		}},
		{"R28 order of a thousand", func(l *lab) {
			batch, want := []object{}, []string{}
			for i := range 1000 {
				id := uuid.NewString()
				if i%3 == 0 {
					batch = append(batch, tombstone(id, false))
					continue
				}
				batch, want = append(batch, row(id, "offeredToEmail", fmt.Sprintf("e%d@x.test", i))), append(want, id)
			}
			got := []string{}
			for _, r := range l.sync(batch...) {
				id, _ := r["sponsoringOrganizationUserId"].(string)
				got = append(got, id)
			}
			equal(l.T, "same order", slices.Equal(got, want), true)
			equal(l.T, "rows in the ledger", len(l.cloud.SyncRequests()[0].RowKeys()), 1000)
		}},
		{"R29 forms of a date", func(l *lab) {
			for _, date := range []string{"2026-08-20", "2026-08-20T19:16:19+02:00", "2026-08-20T19:16:19.1234567890123456Z", "2026-08-20T19:16"} {
				user := uuid.NewString()
				l.sync(row(user))
				l.sync(row(user, "lastSyncDate", date))
			}
		}},
		{"R30 zero id", func(l *lab) {
			bare := row(zeroID)
			delete(bare, "sponsoringOrganizationUserId")
			equal(l.T, "key", l.sync(bare)[0]["sponsoringOrganizationUserId"], any(zeroID))
			l.sync(row(zeroID))
			l.is(1, 1)
		}},
		{"R31 defaults", func(l *lab) {
			bare := row(uuid.NewString())
			delete(bare, "toDelete")
			delete(bare, "planSponsorshipType")
			got := l.sync(bare)[0]
			equal(l.T, "toDelete", got["toDelete"], any(false))
			equal(l.T, "planSponsorshipType", got["planSponsorshipType"], any(0.0))
		}},
		{"address beyond the code page", func(l *lab) {
			l.sync(row(uuid.NewString(), "offeredToEmail", "ł@x.test"))
			equal(l.T, "stored", l.cloud.Rows(l.org.ID)[0].OfferedToEmail, "?@x.test")
		}},
	})
}
