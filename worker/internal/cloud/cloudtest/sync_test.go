package cloudtest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

const (
	invalidKey = "Invalid Billing Sync Key"
	modelState = "The model state is invalid."
	unhandled  = "An unhandled server error has occurred."
)

func barred(t *testing.T, r reply, status int, challenge string) {
	t.Helper()
	equal(t, "status", r.status, status)
	equal(t, "body", r.body, "")
	equal(t, "challenge", r.header.Get("WWW-Authenticate"), challenge)
}

func TestSyncAuthorization(t *testing.T) {
	t.Parallel()
	conform(t, []conformance{
		{"S1 no token", func(l *lab) {
			r := l.do(call{method: http.MethodPost, path: cloudtest.PathSync, contentType: "application/json", body: l.envelope([]object{})})
			barred(l.T, r, http.StatusUnauthorized, "Bearer")
		}},
		{"S1 an expired token is taken for five minutes more", func(l *lab) {
			l.bearer = l.token("api.installation")
			l.clock.Advance(24*time.Hour + 295*time.Second)
			l.sync()
			l.clock.Advance(8 * time.Second)
			barred(l.T, l.try(), http.StatusUnauthorized,
				`Bearer error="invalid_token", error_description="The token expired at '08/21/2026 19:16:19'"`)
		}},
		{"S1 revoked token", func(l *lab) {
			l.bearer = l.token("api.installation")
			l.cloud.ExpireTokens()
			barred(l.T, l.try(), http.StatusUnauthorized, `Bearer error="invalid_token"`)
			l.bearer = ""
			l.sync()
		}},
		{"S2 a token of another scope is forbidden without a challenge", func(l *lab) {
			l.bearer = l.token("api.licensing")
			barred(l.T, l.try(), http.StatusForbidden, "")
		}},
		{"S21 token of another installation", func(l *lab) {
			l.in = l.cloud.AddInstallation()
			equal(l.T, "rows", len(l.sync(row(uuid.NewString()))), 1)
		}},
		{"token in the query", func(l *lab) {
			r := l.do(call{
				method: http.MethodPost, path: cloudtest.PathSync + "?access_token=" + l.token("api.installation"),
				contentType: "application/json", body: l.envelope([]object{}),
			})
			equal(l.T, "status", r.status, http.StatusOK)
		}},
	})
}

func TestSyncKey(t *testing.T) {
	t.Parallel()
	withKey := func(change func(string) any) func(*lab) {
		return func(l *lab) {
			body := l.envelope([]object{}, "billingSyncKey", change(l.org.BillingSyncKey))
			refused(l.T, l.raw(body), http.StatusBadRequest, invalidKey)
		}
	}
	conform(t, []conformance{
		{"S3 unknown organization", func(l *lab) {
			body := l.envelope([]object{}, "sponsoringOrganizationCloudId", uuid.NewString())
			refused(l.T, l.raw(body), http.StatusBadRequest, "Invalid organization")
		}},
		{"S4 wrong key", withKey(func(string) any { return "wrong" })},
		{"S5 empty key", withKey(func(string) any { return "" })},
		{"S5 blank key", withKey(func(string) any { return "  " })},
		{"S5 absent key", withKey(func(string) any { return nil })},
		{"S6 other case", func(l *lab) {
			l.edit(func(o *cloudtest.Organization) { o.BillingSyncKey = "AbC" })
			l.org.BillingSyncKey = "abc"
			refused(l.T, l.try(), http.StatusBadRequest, invalidKey)
		}},
		{"S6 trailing space", withKey(func(key string) any { return key + " " })},
		{"S7 key never generated", func(l *lab) {
			l.edit(func(o *cloudtest.Organization) { o.BillingSyncKey = "" })
			refused(l.T, l.try(), http.StatusInternalServerError, unhandled)
		}},
		{"S8 rotated key", func(l *lab) {
			key := l.cloud.RotateKey(l.org.ID)
			refused(l.T, l.try(), http.StatusBadRequest, invalidKey)
			l.org.BillingSyncKey = key
			l.sync()
		}},
		{"S22 organization of the other region", func(l *lab) {
			eu := setup(l.T, func(o *cloudtest.Options) { o.Region = "EU" })
			eu.org = l.org
			refused(l.T, eu.try(), http.StatusBadRequest, "Invalid organization")
		}},
	})
}

func TestSyncBody(t *testing.T) {
	t.Parallel()
	badModel := func(path string, body func(*lab) string) func(*lab) {
		return func(l *lab) {
			r := l.raw(body(l))
			refused(l.T, r, http.StatusBadRequest, modelState)
			faults, _ := r.json(l.T)["validationErrors"].(object)
			if _, ok := faults[path]; !ok || len(faults) != 1 {
				l.Errorf("validationErrors = %v, want %q", faults, path)
			}
		}
	}
	withType := func(value any) func(*lab) {
		return badModel("$.sponsorshipsBatch[1].planSponsorshipType", func(l *lab) string {
			return l.envelope([]object{row(uuid.NewString()), row(uuid.NewString(), "planSponsorshipType", value)})
		})
	}
	text := func(s string) func(*lab) string { return func(*lab) string { return s } }
	field := func(name string, value any) func(*lab) {
		return badModel("$.sponsorshipsBatch[0]."+name, func(l *lab) string {
			return l.envelope([]object{row(uuid.NewString(), name, value)})
		})
	}
	conform(t, []conformance{
		{"S12 empty body", badModel("", text(""))},
		{"S13 null body", badModel("", text("null"))},
		{"S14 malformed", badModel("$.billingSyncKey", text(`{"billingSyncKey":`))},
		{"S14 trailing text", badModel("$", text(`{} {}`))},
		{"S14 array", badModel("$", text(`[]`))},
		{"S17 type by name", withType("FamiliesForEnterprise")},
		{"S17 type 256", withType(256)},
		{"S17 type null", withType(nil)},
		{"id without hyphens", field("sponsoringOrganizationUserId", strings.Repeat("a", 32))},
		{"id null", field("sponsoringOrganizationUserId", nil)},
		{"flag as text", field("toDelete", "true")},
		{"date as words", field("lastSyncDate", "yesterday")},
		{"name as number", field("friendlyName", 1)},
		{"S13 a null body is told the same as an empty one", func(l *lab) {
			for _, body := range []string{"null", ""} {
				if r := l.raw(body); !strings.Contains(r.body, `{"":["A non-empty request body is required."]}`) {
					l.Errorf("body %q", r.body)
				}
			}
		}},
		{"wrong content type", func(l *lab) {
			r := l.do(call{http.MethodPost, cloudtest.PathSync, "text/plain", l.token("api.installation"), l.envelope([]object{})})
			equal(l.T, "status", r.status, http.StatusUnsupportedMediaType)
		}},
		{"a body over thirty million bytes is a 500 with the usual body", func(l *lab) {
			refused(l.T, l.raw(`{"x":"`+strings.Repeat("x", 30_000_000)+`"}`), http.StatusInternalServerError, unhandled)
		}},
	})
}

func TestSyncBatch(t *testing.T) {
	t.Parallel()
	conform(t, []conformance{
		{"S9 empty batch", func(l *lab) {
			r := l.try()
			equal(l.T, "status", r.status, http.StatusOK)
			equal(l.T, "body", r.body, `{"sponsorshipsBatch":[]}`)
			equal(l.T, "content type", r.header.Get("Content-Type"), "application/json; charset=utf-8")
			equal(l.T, "events", l.cloud.SyncEvents(l.org.ID), 1)
			l.is(0, 0)
		}},
		{"S10 batch absent", func(l *lab) {
			refused(l.T, l.raw(l.envelope(nil, "sponsorshipsBatch", nil)), http.StatusInternalServerError, unhandled)
		}},
		{"S10 batch null", func(l *lab) {
			refused(l.T, l.raw(l.envelope(nil)), http.StatusInternalServerError, unhandled)
		}},
		{"S11 batch absent, wrong key", func(l *lab) {
			body := l.envelope(nil, "sponsorshipsBatch", nil, "billingSyncKey", "wrong")
			refused(l.T, l.raw(body), http.StatusBadRequest, invalidKey)
		}},
		{"S15 PascalCase", func(l *lab) {
			user := uuid.NewString()
			r := l.raw(`{"BillingSyncKey":"` + l.org.BillingSyncKey + `","SponsoringOrganizationCloudId":"` + strings.ToUpper(l.org.ID) +
				`","SponsorshipsBatch":[{"SponsoringOrganizationUserId":"` + user + `","OfferedToEmail":"e@x.test"}]}`)
			equal(l.T, "status", r.status, http.StatusOK)
			equal(l.T, "key", l.cloud.Rows(l.org.ID)[0].OrganizationUserID, user)
		}},
		{"S16 unknown members", func(l *lab) {
			body := l.envelope([]object{row(uuid.NewString(), "isAdminInitiated", true)}, "extra", object{"a": 1})
			equal(l.T, "status", l.raw(body).status, http.StatusOK)
		}},
		{"S18 undefined type", func(l *lab) {
			r := l.try(row(uuid.NewString()), row(uuid.NewString(), "planSponsorshipType", 1))
			refused(l.T, r, http.StatusInternalServerError, unhandled)
			l.is(0, 0)
		}},
		{"S19 null row", func(l *lab) {
			refused(l.T, l.raw(l.envelope([]any{nil})), http.StatusInternalServerError, unhandled)
		}},
	})
}

func TestSyncRateLimit(t *testing.T) {
	t.Parallel()
	limited := func(o *cloudtest.Options) { o.Limits = cloudtest.DefaultLimits() }
	t.Run("S20 sixth in a second", func(t *testing.T) {
		t.Parallel()
		l := setup(t, limited)
		for range 5 {
			l.sync()
		}
		refused(t, l.try(), http.StatusTooManyRequests, "Slow down! Too many requests. Try again in 1s.")
		equal(t, "answers carried out", l.cloud.SyncEvents(l.org.ID), 5)
	})
	t.Run("S20 sixty-first in a minute", func(t *testing.T) {
		t.Parallel()
		l := setup(t, limited)
		for range 60 {
			l.sync()
			l.clock.Advance(900 * time.Millisecond)
		}
		r := l.try()
		refused(t, r, http.StatusTooManyRequests, "Slow down! Too many requests. Try again in 1m.")
		equal(t, "Retry-After", r.header.Get("Retry-After"), "6")
	})
}
