package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// keyOf finds the key of a form on a page.
func keyOf(t *testing.T, page string) string {
	t.Helper()
	found := regexp.MustCompile(`name="key" value="([A-Z0-9]+)"`).FindStringSubmatch(page)
	if len(found) != 2 {
		t.Fatal("the page has no form")
	}
	return found[1]
}

func TestWhatSomebodyWantsOfOneSponsorship(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme, sponsorship.Sponsorship{UserID: user1, Email: "f@example.com", Name: "F", Status: sponsorship.Sent})
	at := "/organizations/" + string(acme) + "/members/" + string(user1)
	page, status := b.page(t, at)
	jobstest.Equal(t, "page", status, http.StatusOK)
	requireText(t, page, "Revoke the sponsorship of f@example.com?", "Offer it again", "Change it", "The cloud has the offer.", "What to do:")
	for _, c := range []struct {
		form url.Values
		want jobs.ChangeSponsorship
	}{
		{url.Values{"action": {"revoke"}}, jobs.ChangeSponsorship{Revoke: true}},
		{url.Values{"action": {"resend"}}, jobs.ChangeSponsorship{Resend: true}},
		{url.Values{"action": {"change"}, "email": {" g@example.com "}, "name": {"G"}}, jobs.ChangeSponsorship{SponsoredEmail: "g@example.com", FriendlyName: "G"}},
	} {
		c.form.Set("key", keyOf(t, page)) // one page, three buttons, three jobs
		first := b.do(t, call{path: at, form: c.form, signed: true})
		jobstest.Equal(t, "goes back", strings.HasPrefix(first.Header.Get("Location"), at+"?job="), true)
		jobstest.Equal(t, "double click", b.do(t, call{path: at, form: c.form, signed: true}).Header.Get("Location"), first.Header.Get("Location"))
		c.want.OrganizationID, c.want.OrganizationUserID = acme, user1
		jobstest.RequireEnqueued(t, b.redis, func(j jobs.ChangeSponsorship) bool { return j == c.want })
	}
	jobstest.Equal(t, "jobs", b.jobCount(t), 3)
	bad := b.do(t, call{path: at, form: url.Values{"action": {"change"}, "email": {"nobody"}}, signed: true})
	jobstest.Equal(t, "not an address", bad.StatusCode, http.StatusBadRequest)
	requireText(t, text(t, bad), "is not a plain e-mail address")
	requireText(t, b.log.String(), `"action":"revoke"`, `"who":"session `, `"user":"`+string(user1)+`"`)
	if strings.Contains(b.log.String(), "@example.com") {
		t.Error("the log holds an address")
	}
	_, status = b.page(t, "/organizations/"+string(acme)+"/members/"+string(user2))
	jobstest.Equal(t, "nobody", status, http.StatusNotFound)
}

// Where nothing can be asked for, nothing is offered.
func TestButtonsFitTheStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for status, want := range map[sponsorship.Status][]string{
		sponsorship.Refused: {"Change…", "Revoke…"}, sponsorship.Redeemed: {"Change…", "Revoke…"}, sponsorship.Sent: {"Change…", "Offer again…", "Revoke…"},
		sponsorship.Removed: nil, sponsorship.Expired: nil, sponsorship.Expiring: nil,
	} {
		b.connected(t, acme, sponsorship.Sponsorship{UserID: user1, Email: "f@example.com", Name: "F", Status: status})
		page, _ := b.page(t, "/organizations/"+string(acme)+"/members/"+string(user1))
		requireText(t, page, want...)
		jobstest.Equal(t, string(status), strings.Count(page, `class="ask"`), len(want))
	}
}

func TestConnectingOnThePage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	form := url.Values{"org": {string(acme)}, "cloudOrg": {string(bravo)}, "token": {" abcdefghijklmnopqrstuvwxyz0123\n"}}
	r := b.do(t, call{path: "/connect", form: form, signed: true})
	jobstest.Equal(t, "goes on", r.Header.Get("Location"), "/organizations/"+string(acme))
	saved := jobstest.Value(b.ledger.Connection(t.Context(), acme))(t)
	jobstest.Equal(t, "token", saved.BillingSyncToken.Reveal(), "abcdefghijklmnopqrstuvwxyz0123")
	for field, value := range map[string]string{"org": "acme", "cloudOrg": "", "token": ""} {
		wrong := url.Values{"org": {string(acme)}, "cloudOrg": {string(bravo)}, "token": {"t"}}
		wrong.Set(field, value)
		jobstest.Equal(t, field, b.do(t, call{path: "/connect", form: wrong, signed: true}).StatusCode, http.StatusBadRequest)
	}
	if strings.Contains(b.log.String(), "abcdef") {
		t.Error("the log holds the token")
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme)
	at := "/organizations/" + string(acme)
	for _, c := range []struct {
		press, shows string
		paused       bool
	}{{"/pause", "Resume sending", true}, {"/resume", "Pause sending", false}} {
		jobstest.Equal(t, c.press, b.do(t, call{path: at + c.press, form: url.Values{}, signed: true}).StatusCode, http.StatusSeeOther)
		jobstest.Equal(t, c.press, jobstest.Value(b.ledger.Stopped(t.Context(), acme))(t), c.paused)
		page, _ := b.page(t, at)
		requireText(t, page, c.shows)
	}
}

// The first sync of an organization that comes from the vault needs a person's word.
func TestTheSyncButtonAsksAboutTheServersOwnJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme)
	at := "/organizations/" + string(acme)
	if page, _ := b.page(t, at); strings.Contains(page, "officialJobOff") {
		t.Error("asked for no reason")
	}
	jobstest.Must(t, jobstest.Ledger{Redis: b.redis}.TakenFromVault(t.Context(), acme))
	page, _ := b.page(t, at)
	requireText(t, page, `name="officialJobOff" value="yes" required`)
	b.do(t, call{path: at + "/sync", form: url.Values{"key": {keyOf(t, page)}, "officialJobOff": {"yes"}}, signed: true})
	jobstest.RequireEnqueued(t, b.redis, func(j jobs.Sync) bool { return j.OfficialJobOff })
}

func TestDeadJobsHaveTheirButtons(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme)
	client := enqueue.New(b.redis, enqueue.Options{})
	bury := func() string {
		job := jobstest.Value(client.Enqueue(t.Context(), jobs.SyncLicense{OrganizationID: acme}))(t)
		jobstest.Must(t, b.redis.Del(t.Context(), enqueue.QueueKey(jobs.QueueUrgent, "t:"+job.ID)).Err())
		jobstest.Must(t, record.New(b.redis).Bury(t.Context(), record.Record{ID: job.ID, Kind: jobs.KindSyncLicense, Organization: acme,
			Reason: fault.New(fault.LicenseRejected, "it is another installation's"), Args: []byte(`{"organizationId":"` + string(acme) + `"}`)}))
		return job.ID
	}
	for _, c := range []struct{ button, asks string }{{"retry", "again, with all its attempts?"}, {"delete", "What it asks for does not happen."}} {
		id := bury()
		for _, at := range []string{"/", "/organizations/" + string(acme)} {
			page, _ := b.page(t, at)
			requireText(t, page, "it is another installation&#39;s", c.asks, `action="/jobs/`+id+"/"+c.button+`"`)
		}
		press := call{path: "/jobs/" + id + "/" + c.button, form: url.Values{"back": {"/organizations/" + string(acme)}}, signed: true}
		jobstest.Equal(t, c.button, b.do(t, press).StatusCode, http.StatusSeeOther)
		again := b.do(t, press)
		jobstest.Equal(t, c.button+" twice", again.StatusCode, http.StatusNotFound)
		requireText(t, text(t, again), "not dead any more")
	}
	alive := jobstest.Value(client.Enqueue(t.Context(), jobs.SyncLicense{OrganizationID: acme}))(t)
	again := b.do(t, call{path: "/jobs/" + alive.ID + "/retry", form: url.Values{"back": {"/"}}, signed: true})
	jobstest.Equal(t, "of one that is not dead", again.StatusCode, http.StatusConflict)
	requireText(t, text(t, again), "not dead any more")
	page, _ := b.page(t, "/organizations/"+string(bravo))
	if strings.Contains(page, "Jobs that failed") {
		t.Error("another organization's jobs are shown")
	}
}

func TestJobsUnderWayAreShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme)
	client := enqueue.New(b.redis, enqueue.Options{})
	job := jobstest.Value(client.Enqueue(t.Context(), jobs.Redeem{OrganizationID: acme, OrganizationUserID: user1, SponsoredEmail: "f@example.com"}))(t)
	jobstest.Value(client.Enqueue(t.Context(), jobs.Redeem{OrganizationID: bravo, OrganizationUserID: user2, SponsoredEmail: "f@example.com"}))(t)
	page, _ := b.page(t, "/organizations/"+string(acme))
	requireText(t, page, "Jobs under way", "<strong>redeem</strong> of member", "waits for its turn", job.ID)
	if strings.Contains(page, string(user2)) {
		t.Error("another organization's jobs are shown")
	}
}

func TestWhoMayOnlyLookSeesNoButtons(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme, sponsorship.Sponsorship{UserID: user1, Email: "f@example.com", Name: "F", Status: sponsorship.Sent})
	reader := map[string]string{"Authorization": "Bearer " + readToken}
	at := "/organizations/" + string(acme)
	for _, path := range []string{"/", at, at + "/members/" + string(user1)} {
		page := text(t, b.do(t, call{path: path, headers: reader}))
		requireText(t, page, "read only")
		if forms := strings.Count(page, `method="post"`); forms != 1 { // to sign out
			t.Errorf("%s has %d forms", path, forms)
		}
	}
	for _, path := range []string{"/connect", "/jobs/x/retry", "/jobs/x/delete", at + "/sync", at + "/sync-license", at + "/pause", at + "/resume", at + "/members/" + string(user1)} {
		r := b.do(t, call{path: path, form: url.Values{"action": {"revoke"}}, headers: reader})
		jobstest.Equal(t, path, r.StatusCode, http.StatusForbidden)
		requireText(t, text(t, r), "<code>forbidden</code>")
		crossed := b.do(t, call{path: path, form: url.Values{}, signed: true, headers: map[string]string{"Sec-Fetch-Site": "cross-site"}})
		jobstest.Equal(t, path+" from another site", crossed.StatusCode, http.StatusForbidden)
	}
	jobstest.Equal(t, "jobs", b.jobCount(t), 0)
}
