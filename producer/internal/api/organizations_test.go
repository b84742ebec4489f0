package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/metricsdoc"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

const connectBody = `{"cloudOrganizationId":"22222222-2222-4222-8222-222222222222","billingSyncToken":" the-secret-token \n","licenseKey":"the-secret-key"}`

func TestConnectionIsSavedAndNeverShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	upper := strings.ToUpper(string(user1)) // ids come in either case
	a := b.do(t, call{method: "PUT", path: "/v1/organizations/" + upper + "/connection", body: connectBody})
	jobstest.Equal(t, "status", a.status, http.StatusNoContent)
	saved := jobstest.Value(b.ledger.Connection(t.Context(), user1))(t)
	jobstest.Equal(t, "token", saved.BillingSyncToken, "the-secret-token")
	jobstest.Equal(t, "key", saved.LicenseKey, "the-secret-key")
	jobstest.Equal(t, "cloud organization", saved.CloudOrganizationID, bravo)

	a = b.get(t, "/v1/organizations/"+upper)
	jobstest.Equal(t, "status", a.status, http.StatusOK)
	o := read[map[string]any](t, a)
	jobstest.Equal[any](t, "connected", o["connected"], true)
	jobstest.Equal[any](t, "cloudOrganizationId", o["cloudOrganizationId"], string(bravo))
	jobstest.Equal[any](t, "lastSyncAt", o["lastSyncAt"], nil)
	jobstest.Equal(t, "in the list", len(read[[]any](t, b.get(t, "/v1/organizations"))), 1)
	if strings.Contains(string(a.body)+b.log.String(), "the-secret") {
		t.Error("a secret is shown")
	}
}

func TestSavingTheConnectionAgainTriesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	put := call{method: "PUT", path: "/v1/organizations/" + string(acme) + "/connection", body: connectBody}
	jobstest.Equal(t, "first", b.do(t, put).status, http.StatusNoContent)
	waiting := func() (n int64) {
		for _, d := range jobstest.Value(enqueue.Depths(t.Context(), b.redis))(t) {
			n += d.Pending
		}
		return n
	}
	jobstest.Equal(t, "jobs before the first sync", waiting(), 0)
	jobstest.Must(t, jobstest.Ledger{Redis: b.redis}.Start(t.Context(), acme))
	jobstest.Equal(t, "again", b.do(t, put).status, http.StatusNoContent)
	jobstest.Equal(t, "jobs", waiting(), 1)
}

func TestConnectionRefusesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for field, body := range map[string]string{
		"body":                `[]`,
		"cloudOrganizationId": `{"billingSyncToken":"t"}`,
		"billingSyncToken":    `{"cloudOrganizationId":"22222222-2222-4222-8222-222222222222","billingSyncToken":"  "}`,
		"token":               `{"cloudOrganizationId":"22222222-2222-4222-8222-222222222222","token":"t"}`,
		"licenseKey":          `{"cloudOrganizationId":"22222222-2222-4222-8222-222222222222","billingSyncToken":"t","licenseKey":"` + strings.Repeat("k", 9000) + `"}`,
	} {
		a := b.do(t, call{method: "PUT", path: "/v1/organizations/" + string(acme) + "/connection", body: body})
		jobstest.Equal(t, field+": status", a.status, http.StatusBadRequest)
		jobstest.Equal(t, "field", a.problem(t).Errors[0].Field, field)
	}
	a := b.do(t, call{method: "PUT", path: "/v1/organizations/acme/connection", body: connectBody})
	jobstest.Equal(t, "org", a.problem(t).Errors[0].Field, "org")
	a = b.do(t, call{method: "PUT", path: "/v1/organizations/" + string(acme) + "/connection", body: strings.Repeat(" ", 70<<10)})
	jobstest.Equal(t, "large", a.status, http.StatusRequestEntityTooLarge)
	jobstest.Equal(t, "organizations", len(read[[]any](t, b.get(t, "/v1/organizations"))), 0)
}

func TestUnseenOrganization(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"", "/sponsorships"} {
		a := b.get(t, "/v1/organizations/"+string(acme)+path)
		jobstest.Equal(t, "status", a.status, http.StatusNotFound)
		jobstest.Equal(t, "code", a.problem(t).Code, fault.ConnectionMissing)
	}
}

type page struct {
	Sponsorships []struct {
		OrganizationUserID sponsorship.ID
		Status             sponsorship.Status
		Intent             sponsorship.Intent
		SponsoredEmail     string
	}
	NextCursor *string
}

func TestSponsorshipsArePaged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var users []sponsorship.ID
	for i := range 7 {
		users = append(users, sponsorship.ID(fmt.Sprintf("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaa%02d", i)))
	}
	b.redeemed(t, acme, users...)
	b.redeemed(t, bravo, user1)
	base := "/v1/organizations/" + string(acme) + "/sponsorships"
	var got []sponsorship.ID
	for cursor, pages := "", 1; ; pages++ {
		p := read[page](t, b.get(t, base+"?limit=3&status=sent,pending&cursor="+cursor))
		for _, s := range p.Sponsorships {
			got = append(got, s.OrganizationUserID)
		}
		if p.NextCursor == nil {
			jobstest.Equal(t, "pages", pages, 3)
			break
		}
		cursor = *p.NextCursor
	}
	jobstest.Equal(t, "sponsorships", fmt.Sprint(got), fmt.Sprint(users))
	first := read[page](t, b.get(t, base)).Sponsorships[0]
	jobstest.Equal(t, "status", first.Status, sponsorship.Pending)
	jobstest.Equal(t, "intent", first.Intent, sponsorship.IntentRedeem)
	jobstest.Equal(t, "address", first.SponsoredEmail, "family@example.com")
	none := b.get(t, base+"?status=sent")
	jobstest.Equal(t, "none", strings.TrimSpace(string(none.body)), `{"sponsorships":[],"nextCursor":null,"previousCursor":null}`)
}

func TestSponsorshipsRefuseWhatIsInvalid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeemed(t, acme, user1)
	for _, c := range []struct{ query, field string }{
		{"status=active", "status"}, {"limit=0", "limit"}, {"limit=1001", "limit"}, {"limit=x", "limit"}, {"cursor=x", "cursor"},
		{"status=sent&cursor=pending:" + string(user1), "cursor"},
	} {
		a := b.get(t, "/v1/organizations/"+string(acme)+"/sponsorships?"+c.query)
		jobstest.Equal(t, c.query, a.status, http.StatusBadRequest)
		jobstest.Equal(t, c.query, a.problem(t).Errors[0].Field, c.field)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeemed(t, acme, user1, user2)
	b.post(t, syncJob, nil)
	b.do(t, call{method: "GET", path: "/v1/" + string(acme)})
	text := string(b.get(t, "/metrics").body)
	for _, want := range []string{
		`sponsorsync_redis_up 1`,
		`sponsorsync_jobs_enqueued_total{kind="sync"} 1`,
		`sponsorsync_jobs_enqueued_total{kind="redeem"} 0`,
		`sponsorsync_queue_depth{queue="urgent",state="pending"} 1`,
		`sponsorsync_queue_oldest_pending_seconds{queue="urgent"} `,
		`sponsorsync_outbox_depth 0`,
		`sponsorsync_sponsorships{status="pending"} 2`,
		`sponsorsync_organizations{state="never_synced"} 1`,
		`sponsorsync_organizations_waiting{what="connection"} 1`,
		`sponsorsync_organizations_waiting{what="first_sync"} 0`,
		`sponsorsync_organizations_failing{code="billing_sync_token_invalid",what="sync"} 0`,
		`sponsorsync_organizations_failing{code="license_rejected",what="license"} 0`,
		`sponsorsync_sync_overdue_seconds 0`,
		`sponsorsync_nats_up 1`,
		`sponsorsync_bridge_organizations{state="held"} 0`,
		`sponsorsync_bridge_held{reason="restored"} 0`,
		`sponsorsync_http_requests_total{route="POST /v1/jobs",status="202"} 1`,
		`sponsorsync_http_requests_total{route="none",status="404"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(text, string(acme)) {
		t.Error("a label grows with the number of organizations")
	}
	jobstest.Must(t, b.ledger.BeatScheduler(t.Context(), time.Minute))
	jobstest.Must(t, b.redis.HSet(t.Context(), state.Key(acme, ""), "lastSyncAt", time.Now().UnixMilli()).Err())
	metricsdoc.Check(t, metricsdoc.Serve, b.get(t, "/metrics").body)
}

func TestOneSponsorshipWithItsHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeemed(t, acme, user1)
	b.publish(t, acme, user1, 1)
	b.publish(t, acme, user2, 1)
	path := "/v1/organizations/" + string(acme) + "/sponsorships/"
	one := read[struct {
		OrganizationUserID sponsorship.ID
		SponsoredEmail     string
		History            []struct{ To sponsorship.Status }
	}](t, b.get(t, path+strings.ToUpper(string(user1))))
	if one.OrganizationUserID != user1 || one.SponsoredEmail != "family@example.com" || len(one.History) != 1 || one.History[0].To != sponsorship.Sent {
		t.Errorf("got %+v", one)
	}
	for id, want := range map[string]int{string(user2): http.StatusNotFound, "mia": http.StatusBadRequest} {
		jobstest.Equal(t, id, b.get(t, path+id).status, want)
	}
	jobstest.Equal(t, "code", b.get(t, path+string(user2)).problem(t).Code, fault.NotFound)
	jobstest.Must(t, b.js.DeleteStream(t.Context(), events.StreamName))
	jobstest.Equal(t, "without a stream", b.get(t, path+string(user1)).status, http.StatusOK)
}

func TestSearchPagesBothWays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeemed(t, acme, user1, user2)
	type page struct {
		Sponsorships               []struct{ OrganizationUserID sponsorship.ID }
		NextCursor, PreviousCursor *string
	}
	path := "/v1/organizations/" + string(acme) + "/sponsorships?limit=1&search="
	first := read[page](t, b.get(t, path+"FAMILY"))
	jobstest.Equal(t, "first", first.Sponsorships[0].OrganizationUserID, user1)
	second := read[page](t, b.get(t, path+"FAMILY&cursor="+*first.NextCursor))
	jobstest.Equal(t, "second", second.Sponsorships[0].OrganizationUserID, user2)
	if second.NextCursor != nil || first.PreviousCursor != nil {
		t.Error("there are pages beyond the ends")
	}
	back := read[page](t, b.get(t, path+"FAMILY&cursor="+*second.PreviousCursor))
	jobstest.Equal(t, "back", back.Sponsorships[0].OrganizationUserID, user1)
	jobstest.Equal(t, "nobody", len(read[page](t, b.get(t, path+"nobody")).Sponsorships), 0)
}
