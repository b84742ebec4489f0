package cloudtest_test

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

func decode[T any](t *testing.T, r reply) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		t.Fatalf("status %d, body %q: %v", r.status, r.body, err)
	}
	return out
}

func TestControlBuildsAWorld(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.in = decode[cloudtest.Installation](t, l.control(http.MethodPost, "installations", object{"key": "k"}))
	equal(t, "key", l.in.Key, "k")
	id := strings.ToUpper(uuid.NewString())
	l.org = decode[cloudtest.Organization](t, l.control(http.MethodPost, "organizations", object{"id": id}))
	equal(t, "id", l.org.ID, strings.ToLower(id))
	equal(t, "plan", l.org.PlanType, cloudtest.PlanEnterprise)
	user := uuid.NewString()
	l.sync(row(user))

	rotated := decode[map[string]string](t, l.control(http.MethodPost, "organizations/"+l.org.ID+"/rotate-key", nil))
	refused(t, l.try(), http.StatusBadRequest, invalidKey)
	l.org.BillingSyncKey = rotated["billingSyncKey"]
	changed := decode[cloudtest.Organization](t, l.control(http.MethodPatch, "organizations/"+l.org.ID, object{"planType": 18}))
	equal(t, "enabled is untouched", changed.Enabled, true)
	equal(t, "answered on Teams", len(l.sync(row(user))), 0)
	off := decode[cloudtest.Installation](t, l.control(http.MethodPatch, "installations/"+l.in.ID, object{"enabled": false}))
	equal(t, "enabled", off.Enabled, false)
	oauthError(t, l.identity(), "invalid_client")
}

func TestControlPlaysThePerson(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user, _ := l.offered()
	ref := object{"organizationId": l.org.ID, "organizationUserId": user}
	accepted := decode[cloudtest.Row](t, l.control(http.MethodPost, "accept", ref))
	equal(t, "redeemed", accepted.Redeemed(), true)
	equal(t, "again", l.control(http.MethodPost, "accept", object{"mail": 0}).status, http.StatusBadRequest)
	equal(t, "removed", l.control(http.MethodPost, "remove-sponsored", ref).status, http.StatusNoContent)
	rows := decode[[]cloudtest.Row](t, l.control(http.MethodGet, "rows?organizationId="+l.org.ID, nil))
	equal(t, "toDelete", rows[0].ToDelete, true)
	mails := decode[[]cloudtest.Mail](t, l.control(http.MethodGet, "mails?to=e@x.test", nil))
	equal(t, "mails", len(mails), 1)
	equal(t, "other mails", len(decode[[]cloudtest.Mail](t, l.control(http.MethodGet, "mails?to=f@x.test", nil))), 0)
	equal(t, "purged", decode[map[string]int](t, l.control(http.MethodPost, "purge", nil))["purged"], 0)
}

func TestControlFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]int{
		"rate-limited": 429, "server-error": 500, "bad-gateway": 502, "unavailable": 503, "edge-block": 400, "garbage": 200,
		"html": 200, "oversize": 200, "slow": 200, "redirect": 307, "unauthorized": 401, "reset": 0, "lost-answer": 0, "status": 418,
		"unmailed-error": 500, "stall": 200, "slow-answer": 200, "slow-body": 200, "broken-answer": 200,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			spec := cloudtest.FaultSpec{Kind: kind, Path: "sync", OrganizationID: l.org.ID, Status: http.StatusTeapot, Location: "/", RetryAfter: "3"}
			equal(t, "queued", l.control(http.MethodPost, "faults", spec).status, http.StatusNoContent)
			equal(t, "status", l.try(row(uuid.NewString())).status, want)
			l.sync()
		})
	}
}

func TestControlRefusesMistakes(t *testing.T) {
	t.Parallel()
	l := setup(t)
	for name, r := range map[string]reply{
		"unknown kind":          l.control(http.MethodPost, "faults", object{"kind": "weather"}),
		"misspelled member":     l.control(http.MethodPost, "organizations", object{"plan": 20}),
		"wrong type":            l.control(http.MethodPatch, "organizations/"+l.org.ID, object{"enabled": "no"}),
		"unknown organization":  l.control(http.MethodPatch, "organizations/"+uuid.NewString(), object{"enabled": false}),
		"unknown stage":         l.control(http.MethodPost, "faults", object{"kind": "slow", "stage": "late"}),
		"gateway with a 200":    l.control(http.MethodPost, "faults", object{"kind": "gateway", "status": 200}),
		"row that is not there": l.control(http.MethodPost, "age", object{"organizationId": l.org.ID, "organizationUserId": zeroID, "days": 1}),
		"unknown mail":          l.control(http.MethodPost, "accept", object{"mail": 9}),
		"unknown key":           l.control(http.MethodPost, "organizations/"+uuid.NewString()+"/rotate-key", nil),
	} {
		equal(t, name, r.status == http.StatusBadRequest || r.status == http.StatusNotFound, true)
	}
	equal(t, "organization is untouched", func() bool { o, _ := l.cloud.Organization(l.org.ID); return o.Enabled }(), true)
}

func TestControlSwitches(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.sync()
	l.control(http.MethodPost, "expire-tokens", nil)
	equal(t, "old token", l.try().status, http.StatusUnauthorized)
	l.control(http.MethodPut, "license", cloudtest.LicenseMode{Version: 99})
	l.bearer = ""
	equal(t, "version", l.license().json(t)["version"], any(99.0))
	block, _ := pem.Decode([]byte(l.control(http.MethodGet, "certificate", nil).body))
	equal(t, "certificate", string(block.Bytes), string(l.cloud.CertificateDER()))
	l.bearer = ""
	l.control(http.MethodPut, "limits", cloudtest.Limits{PostPerMinute: 1})
	l.sync()
	equal(t, "limited", l.try().status, http.StatusTooManyRequests)
	l.control(http.MethodPut, "limits", cloudtest.Limits{})
	l.control(http.MethodPost, "faults", object{"kind": "reset", "path": "any", "count": -1})
	l.control(http.MethodDelete, "faults", nil)
	l.sync()
	requests := decode[[]cloudtest.Request](t, l.control(http.MethodGet, "requests", nil))
	equal(t, "last status", requests[len(requests)-1].Status, http.StatusOK)
	equal(t, "caller", requests[len(requests)-1].InstallationID, l.in.ID)
	equal(t, "rate limited", decode[cloudtest.Stats](t, l.control(http.MethodGet, "stats", nil)).RateLimited, 1)
}

func TestControlStallsUntilFaultsAreCleared(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user := uuid.NewString()
	l.control(http.MethodPost, "faults", object{"kind": "stall", "untilCleared": true})
	stalled := l.background(row(user))
	l.eventually("arrived", func() bool { return len(l.cloud.SyncRequests()) == 1 })
	l.sync(row(user))
	stats := decode[cloudtest.Stats](t, l.control(http.MethodGet, "stats", nil))
	equal(t, "at work for the organization", stats.Sync[l.org.ID].InFlight, 1)
	l.control(http.MethodDelete, "faults", nil)
	equal(t, "status", (<-stalled).status, http.StatusOK)
	doubles := decode[struct {
		Rows  []string
		Mails []cloudtest.Mail
	}](t, l.control(http.MethodGet, "doubles?organizationId="+l.org.ID, nil))
	equal(t, "doubled keys", strings.Join(doubles.Rows, " "), user)
	equal(t, "mailed again", len(doubles.Mails), 1)
}

func TestControlLetsAGatewayAnswerWhileTheCloudGoesOn(t *testing.T) {
	t.Parallel()
	l := setup(t)
	spec := object{"kind": "gateway", "status": 504, "stage": "loaded", "goesOn": true, "untilCleared": true}
	l.control(http.MethodPost, "faults", spec)
	equal(t, "status", l.try(row(uuid.NewString())).status, http.StatusGatewayTimeout)
	l.is(0, 0)
	l.control(http.MethodDelete, "faults", nil)
	l.eventually("rows are in", func() bool { return len(l.cloud.Mails()) == 1 })
}

func TestControlAnswersWhoWasMailedAndWhatIsStored(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user, other := uuid.NewString(), uuid.NewString()
	l.sync(row(user), row(other, "offeredToEmail", "f@x.test"))
	l.sync(tombstone(user, false))
	l.sync(row(user, "offeredToEmail", "new@x.test"))
	mails := decode[[]cloudtest.Mail](t, l.control(http.MethodGet, "mails?organizationUserId="+user, nil))
	equal(t, "mails of the key", len(mails), 2)
	equal(t, "at", mails[1].At, l.clock.Now())
	equal(t, "key and address", len(decode[[]cloudtest.Mail](t, l.control(http.MethodGet, "mails?to=NEW@x.test&organizationUserId="+user, nil))), 1)
	equal(t, "of another organization", len(decode[[]cloudtest.Mail](t, l.control(http.MethodGet, "mails?organizationId="+zeroID, nil))), 0)
	equal(t, "another address for a key is not twice", len(l.cloud.MailedTwice(l.org.ID)), 0)
	rows := decode[[]cloudtest.Row](t, l.control(http.MethodGet, "rows?organizationId="+l.org.ID+"&organizationUserId="+user, nil))
	equal(t, "rows of the key", len(rows), 1)
	twin := object{"organizationId": l.org.ID, "organizationUserId": user}
	equal(t, "stored", l.control(http.MethodPost, "rows", twin).status, http.StatusOK)
	equal(t, "rows of the key", l.cloud.RowCount(l.org.ID, user), 2)
	l.control(http.MethodPut, "mail-mode", object{"inRequest": true})
	l.org = decode[cloudtest.Organization](t, l.control(http.MethodPost, "organizations", object{}))
	refused(t, l.try(row(user, "offeredToEmail", "@")), http.StatusInternalServerError, unhandled)
}
