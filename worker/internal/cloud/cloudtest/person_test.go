package cloudtest_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

const badOffer = "Failed to parse sponsorship token."

// control calls the control API.
func (l *lab) control(method, path string, body any) reply {
	l.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		l.Fatal(err)
	}
	return l.do(call{method, "/_control/" + path, "application/json", "", string(raw)})
}

// offered syncs one new row and returns its key and the token that was mailed.
func (l *lab) offered() (user, token string) {
	l.Helper()
	user = uuid.NewString()
	l.sync(row(user))
	mails := l.cloud.Mails()
	return user, mails[len(mails)-1].Token
}

func (l *lab) family(owner string) cloudtest.Organization {
	return l.cloud.AddOrganization(func(o *cloudtest.Organization) { o.PlanType, o.OwnerEmail = cloudtest.PlanFamilies, owner })
}

func (l *lab) redeem(token, email, organizationID string) reply {
	l.Helper()
	return l.control(http.MethodPost, "redeem", cloudtest.Redemption{Token: token, Email: email, SponsoredOrganizationID: organizationID})
}

func TestRedemptionConformance(t *testing.T) {
	t.Parallel()
	conform(t, []conformance{
		{"P1 somebody else's offer", func(l *lab) {
			_, token := l.offered()
			valid := l.control(http.MethodPost, "validate-token", cloudtest.Redemption{Token: token, Email: "f@x.test"})
			equal(l.T, "isTokenValid", valid.json(l.T)["isTokenValid"], any(false))
			refused(l.T, l.redeem(token, "f@x.test", l.family("f@x.test").ID), http.StatusBadRequest, badOffer)
			equal(l.T, "valid for the recipient", l.cloud.ValidateToken(token, "E@X.test"), true)
		}},
		{"P2 not the owner", func(l *lab) {
			_, token := l.offered()
			r := l.redeem(token, "e@x.test", l.family("f@x.test").ID)
			refused(l.T, r, http.StatusBadRequest, "Can only redeem sponsorship for an organization you own.")
		}},
		{"P3 offer of 183 days", func(l *lab) {
			user, token := l.offered()
			l.clock.Advance(183 * 24 * time.Hour)
			r := l.redeem(token, "e@x.test", l.family("e@x.test").ID)
			refused(l.T, r, http.StatusBadRequest, "This sponsorship offer is more than 6 months old and has expired.")
			l.is(0, 1)
			l.bearer = ""
			l.sync(row(user))
			l.is(1, 2)
		}},
		{"P4 Teams organization", func(l *lab) {
			_, token := l.offered()
			team := l.cloud.AddOrganization(func(o *cloudtest.Organization) {
				o.PlanType, o.OwnerEmail = cloudtest.PlanTeams, "e@x.test"
			})
			refused(l.T, l.redeem(token, "e@x.test", team.ID), http.StatusBadRequest, "Can only redeem sponsorship offer on families organizations.")
		}},
		{"P5 redeemed, then synced", func(l *lab) {
			user, token := l.offered()
			equal(l.T, "status", l.redeem(token, "e@x.test", l.family("e@x.test").ID).status, http.StatusOK)
			got := l.sync(row(user))[0]
			equal(l.T, "validUntil", got["validUntil"], any("2027-08-20T19:16:19.1234567Z"))
			equal(l.T, "address", got["offeredToEmail"], any("e@x.test"))
			equal(l.T, "stored address", l.cloud.Rows(l.org.ID)[0].OfferedToEmail, "")
		}},
		{"P6 redeemed twice", func(l *lab) {
			_, token := l.offered()
			l.redeem(token, "e@x.test", l.family("e@x.test").ID)
			refused(l.T, l.redeem(token, "e@x.test", l.family("e@x.test").ID), http.StatusBadRequest, badOffer)
		}},
		{"P7 purged, live row", func(l *lab) {
			user := l.purged()
			l.sync(row(user))
			l.is(1, 2)
		}},
		{"P7 purged, dated tombstone", func(l *lab) {
			user := l.purged()
			equal(l.T, "removed", l.sync(tombstone(user, true))[0]["cloudSponsorshipRemoved"], any(true))
			l.is(1, 2)
		}},
	})
}

// purged has a row offered, redeemed, run out and purged.
func (l *lab) purged() (user string) {
	l.Helper()
	user, _ = l.offered()
	accepted, err := l.cloud.Accept(l.org.ID, user)
	if err != nil {
		l.Fatal(err)
	}
	l.clock.Advance(accepted.ValidUntil.Sub(l.clock.Now()) + 90*24*time.Hour)
	equal(l.T, "purged too early", l.cloud.Purge(), 0)
	l.clock.Advance(24 * time.Hour)
	equal(l.T, "purged", l.cloud.Purge(), 1)
	l.is(0, 1)
	l.bearer = ""
	return user
}

func TestRedemptionRefusals(t *testing.T) {
	t.Parallel()
	conform(t, []conformance{
		{"target sponsored already", func(l *lab) {
			_, first := l.offered()
			_, second := l.offered()
			family := l.family("e@x.test")
			l.redeem(first, "e@x.test", family.ID)
			refused(l.T, l.redeem(second, "e@x.test", family.ID), http.StatusBadRequest,
				"Cannot redeem a sponsorship offer for an organization that is already sponsored. Revoke existing sponsorship first.")
		}},
		{"policy of the target", func(l *lab) {
			_, token := l.offered()
			family := l.family("e@x.test")
			l.cloud.UpdateOrganization(family.ID, func(o *cloudtest.Organization) { o.NoFreeFamilies = true })
			refused(l.T, l.redeem(token, "e@x.test", family.ID), http.StatusBadRequest,
				"Free Bitwarden Families sponsorship has been disabled by your organization administrator.")
		}},
		{"nothing to remove", func(l *lab) {
			user, _ := l.offered()
			r := l.control(http.MethodPost, "remove-sponsored", object{"organizationId": l.org.ID, "organizationUserId": user})
			refused(l.T, r, http.StatusBadRequest, "The requested organization is not currently being sponsored.")
		}},
		{"revoke of a redeemed one", func(l *lab) {
			user, _ := l.redeemed()
			r := l.control(http.MethodPost, "revoke", object{"organizationId": l.org.ID, "organizationUserId": user})
			equal(l.T, "status", r.status, http.StatusNoContent)
			equal(l.T, "toDelete", l.cloud.Rows(l.org.ID)[0].ToDelete, true)
		}},
	})
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	for name, documented := range map[string]bool{"as coded": false, "as documented": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t, func(o *cloudtest.Options) { o.AsDocumented = documented })
			user, until := l.redeemed()
			l.sync(tombstone(user, false))
			next := until.AddDate(1, 0, 0)
			r := l.control(http.MethodPost, "renew", object{"organizationId": l.org.ID, "organizationUserId": user, "validUntil": next})
			equal(t, "status", r.status, http.StatusNoContent)
			rows := l.cloud.Rows(l.org.ID)
			if documented {
				equal(t, "rows", len(rows), 0)
				return
			}
			equal(t, "validUntil", rows[0].ValidUntil.Equal(next), true)
		})
	}
}
