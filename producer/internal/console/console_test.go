package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestNobodyComesInWithoutTheToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme)
	org := "/organizations/" + string(acme)
	for _, c := range []call{
		{path: "/"}, {path: org}, {path: org + "?status=sent"},
		{path: org + "/sync", form: url.Values{}}, {path: org + "/sync-license", form: url.Values{}},
	} {
		r := b.do(t, c)
		jobstest.Equal(t, c.path, r.StatusCode, http.StatusUnauthorized)
		page := text(t, r)
		requireText(t, page, `action="/login"`)
		if strings.Contains(page, "Sync now") {
			t.Errorf("%s shows the page", c.path)
		}
	}
	requireText(t, text(t, b.do(t, call{path: org + "?status=sent"})), `name="next" value="`+org+`?status=sent"`)
	jobstest.Equal(t, "jobs", b.jobCount(t), 0)
	bearer := b.do(t, call{path: "/", headers: map[string]string{"Authorization": "Bearer " + apiToken}})
	jobstest.Equal(t, "with the bearer token", bearer.StatusCode, http.StatusOK)
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.do(t, call{path: "/login", form: url.Values{"token": {" " + apiToken + "\n"}, "next": {"/organizations/x?status=sent"}}})
	jobstest.Equal(t, "status", in.StatusCode, http.StatusSeeOther)
	jobstest.Equal(t, "goes on", in.Header.Get("Location"), "/organizations/x?status=sent")
	cookie := in.Cookies()[0]
	if strings.Contains(cookie.Value, apiToken) || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode {
		t.Errorf("got cookie %v", cookie)
	}
	page := b.do(t, call{path: "/", headers: map[string]string{"Cookie": cookie.Name + "=" + cookie.Value}})
	jobstest.Equal(t, "page", page.StatusCode, http.StatusOK)
	requireText(t, text(t, page), "Sign out")

	out := b.do(t, call{path: "/logout", form: url.Values{}, headers: map[string]string{"Cookie": cookie.Name + "=" + cookie.Value}})
	jobstest.Equal(t, "status", out.StatusCode, http.StatusSeeOther)
	if c := out.Cookies()[0]; c.Value != "" || c.MaxAge >= 0 {
		t.Errorf("the session's cookie stays: %v", c)
	}
	after := b.do(t, call{path: "/", headers: map[string]string{"Cookie": cookie.Name + "=" + cookie.Value}})
	jobstest.Equal(t, "the old cookie", after.StatusCode, http.StatusUnauthorized)
	for _, path := range []string{"/login", "/logout"} {
		r := b.do(t, call{path: path, form: url.Values{"token": {apiToken}}, headers: map[string]string{"Sec-Fetch-Site": "cross-site"}})
		jobstest.Equal(t, path+" from another site", r.StatusCode, http.StatusForbidden)
		jobstest.Equal(t, path+" from another site sets cookies", len(r.Cookies()), 0)
	}
}

func TestSignInGoesOnOnlyHere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, next := range []string{"", "https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", "organizations"} {
		r := b.do(t, call{path: "/login", form: url.Values{"token": {apiToken}, "next": {next}}})
		jobstest.Equal(t, next, r.Header.Get("Location"), "/")
	}
}

func TestSignInSaysWhenThereWereTooMany(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var last *http.Response
	for i := range 11 {
		last = b.do(t, call{path: "/login", form: url.Values{"token": {fmt.Sprint("guess ", i)}}})
		jobstest.Equal(t, "cookies", len(last.Cookies()), 0)
	}
	jobstest.Equal(t, "status", last.StatusCode, http.StatusTooManyRequests)
	requireText(t, text(t, last), "Too many wrong tokens", last.Header.Get("Retry-After")+" seconds")
}

func TestPagesAreFencedIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme, sponsorship.Sponsorship{UserID: user1, Email: "f@example.com", Name: "F", Status: sponsorship.Sent})
	inline := regexp.MustCompile(`(?i)<script(?: [^>]*)?>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:|(?:src|href|action)="(?:https?:)?//`)
	for _, path := range []string{"/", "/organizations/" + string(acme), "/organizations/" + string(bravo), "/static/page.js", "/static/style.css", "/static/icon.svg"} {
		r := b.do(t, call{path: path, signed: true})
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Frame-Options":         "DENY",
			"Referrer-Policy":         "same-origin",
		} {
			jobstest.Equal(t, path+" "+name, r.Header.Get(name), want)
		}
		page := text(t, r)
		if found := inline.FindString(page); found != "" && !strings.HasPrefix(path, "/static/") {
			t.Errorf("%s holds %q, which the policy forbids", path, found)
		}
		if strings.Contains(page, "the-secret-token") {
			t.Errorf("%s shows the token", path)
		}
	}
}

func TestOverview(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page, _ := b.page(t, "/")
	requireText(t, page, "No organization is connected yet", "producer connect")

	b.connected(t, acme, sponsorship.Sponsorship{UserID: user1, Email: "f@example.com", Name: "F", Status: sponsorship.Pending, Intent: sponsorship.IntentRedeem})
	page, _ = b.page(t, "/")
	requireText(t, page, `<a id="a-`+string(acme), "<dt>Last sync</dt><dd>Never</dd>", "After the first one, which you start",
		`<rect class="pending" x="0" width="1000"`, `aria-label="1 awaiting sync"`)

	b.synced(t, acme, nil)
	page, _ = b.page(t, "/")
	requireText(t, page, `<time datetime="2026-11-22T12:00:00Z">22 Nov 2026, 12:00 UTC</time>`, `<time datetime="2026-11-23T12:00:00Z">`)
}

func TestAHoldIsShownWithTheCommandThatEndsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme)
	jobstest.Must(t, jobstest.Ledger{Redis: b.redis}.Held(t.Context(), acme, noon,
		state.Hold{Reason: fault.HeldRestored, Since: noon}, state.Hold{Reason: fault.HeldRowVanished, User: user1, Since: noon}))
	page, _ := b.page(t, "/organizations/"+string(acme))
	requireText(t, page, "<dt>Server's vault</dt><dd>held until somebody has looked, last looked at", "<code>restored</code>", "looks restored from an older copy",
		"<code>producer bridge resume --org "+string(acme)+"</code>", "<strong>The bridge is held for member "+string(user1)+":</strong>",
		"<code>producer bridge resume --org "+string(acme)+" --member "+string(user1)+"</code>")
	page, _ = b.page(t, "/")
	requireText(t, page, "<code>producer bridge resume --org "+string(acme)+"</code>")
}

func TestMembersAreNamedWhereTheVaultIsFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme, sponsorship.Sponsorship{UserID: user1, Email: "f@example.com", Name: "F", Status: sponsorship.Sent})
	address := "/organizations/" + string(acme)
	if page, _ := b.page(t, address); strings.Contains(page, "Mia") {
		t.Error("the vault of an organization that is not followed is read")
	}
	jobstest.Must(t, jobstest.Ledger{Redis: b.redis}.Held(t.Context(), acme, noon))
	page, _ := b.page(t, address)
	requireText(t, page, "<h1>Acme &lt;Ltd&gt; <code", ">Mia<span class=\"minor\">mia@acme.example</span><code class=\"id\">"+string(user1))
}

func TestOverviewSaysWhatToDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme)
	b.synced(t, acme, &jobstest.Failure{Fault: fault.New(fault.BillingSyncTokenInvalid, "sync: the cloud refused the token"), Paused: true, RetryAt: noon})
	b.connected(t, bravo)
	b.synced(t, bravo, &jobstest.Failure{Fault: fault.New(fault.CloudUnavailable, "sync: no route"), RetryAt: noon.Add(time.Minute)})
	page, _ := b.page(t, "/")
	requireText(t, page,
		"sync: the cloud refused the token", "<code>billing_sync_token_invalid</code>", "Set up billing sync, generate the token",
		"When the problem is solved and you start a sync",
		"sync: no route", `Tries again <time datetime="2026-11-22T12:01:00Z">`)
}

func TestOrganizationPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	until := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	users := []sponsorship.ID{}
	for i := range 7 {
		users = append(users, sponsorship.ID("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa"+string(rune('0'+i))))
	}
	b.connected(t, acme,
		sponsorship.Sponsorship{UserID: users[0], Email: "a@example.com", Name: "<b>Ada</b>", Status: sponsorship.Pending, Intent: sponsorship.IntentChange},
		sponsorship.Sponsorship{UserID: users[1], Email: "b@example.com", Name: "b@example.com", Status: sponsorship.Sent},
		sponsorship.Sponsorship{UserID: users[2], Email: "c@example.com", Name: "C", Status: sponsorship.Redeemed, ValidUntil: &until},
		sponsorship.Sponsorship{UserID: users[3], Email: "d@example.com", Name: "D", Status: sponsorship.Expiring, ValidUntil: &until},
		sponsorship.Sponsorship{UserID: users[4], Email: "e@example.com", Name: "E", Status: sponsorship.Refused,
			Reason: &sponsorship.Reason{Code: "not_accepted", Message: "the cloud left it out"}},
		sponsorship.Sponsorship{UserID: users[5], Email: "f@example.com", Name: "F", Status: sponsorship.Removed},
		sponsorship.Sponsorship{UserID: users[6], Email: "g@example.com", Name: "G", Status: sponsorship.Expired},
	)
	page, status := b.page(t, "/organizations/"+strings.ToUpper(string(acme)))
	jobstest.Equal(t, "status", status, http.StatusOK)
	requireText(t, page,
		`data-events="/v1/organizations/`+string(acme)+`/events?lastEventId=42"`,
		`<span class="status pending">Awaiting sync</span>`, "The change takes effect with the next sync.", "Waits for the first sync, which you start.",
		`<span class="status sent">Sent</span>`, `<span class="status redeemed">Active</span>`, "Valid until 1 Mar 2027.",
		`<span class="status expiring">Expires <time datetime="2027-03-01T00:00:00Z" data-day>1 Mar 2027</time></span>`,
		`<span class="status refused">Refused</span>`, "the cloud left it out", "Enterprise plan",
		`<span class="status removed">Removed</span>`, `<span class="status expired">Expired</span>`,
		"&lt;b&gt;Ada&lt;/b&gt;", `scope="col"`, `scope="row"`, `aria-live="polite"`, `class="skip"`, `lang="en"`)
	filtered, _ := b.page(t, "/organizations/"+string(acme)+"?status=sent")
	requireText(t, filtered, `?status=sent" aria-current="true">Sent <span class="count">1</span>`, "b@example.com")
	if strings.Contains(filtered, "c@example.com") {
		t.Error("the filter does not filter")
	}
	bad, status := b.page(t, "/organizations/"+string(acme)+"?status=active")
	jobstest.Equal(t, "bad filter", status, http.StatusBadRequest)
	requireText(t, bad, "status must be one of")
	unseen, status := b.page(t, "/organizations/"+string(user1))
	jobstest.Equal(t, "unseen", status, http.StatusNotFound)
	requireText(t, unseen, "was never seen here", "Give the billing sync token to")
	_, status = b.page(t, "/organizations/acme")
	jobstest.Equal(t, "no id", status, http.StatusBadRequest)
}

func TestPaging(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var all []sponsorship.Sponsorship
	for i := range 60 {
		id := sponsorship.ID("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaa" + string([]byte{byte('0' + i/10), byte('0' + i%10)}))
		all = append(all, sponsorship.Sponsorship{UserID: id, Email: "f@example.com", Name: "Number " + string(id[34:]), Status: sponsorship.Sent})
	}
	b.connected(t, acme, all...)
	first, _ := b.page(t, "/organizations/"+string(acme)+"?status=sent&job=gone")
	requireText(t, first, "Number 00", "Number 49", "Next page")
	more := regexp.MustCompile(`id="more" href="([^"]+)"`).FindStringSubmatch(first)
	if len(more) != 2 || strings.Contains(first, "Number 50") {
		t.Fatal("the first page does not end where it should")
	}
	second, _ := b.page(t, strings.ReplaceAll(more[1], "&amp;", "&"))
	requireText(t, second, "Number 50", "Number 59", "First page")
	previous := regexp.MustCompile(`id="previous" href="([^"]+)"`).FindStringSubmatch(second)
	back, _ := b.page(t, strings.ReplaceAll(previous[1], "&amp;", "&"))
	requireText(t, back, "Number 00", "Number 49", `id="last"`)
	if strings.Contains(second, "Next page") || strings.Contains(second, "Number 49") {
		t.Error("the second page is not the rest")
	}
}

func TestButtonsEnqueueOnceAndSayWhatBecame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme)
	for button, kind := range map[string]jobs.Kind{"sync": jobs.KindSync, "sync-license": jobs.KindSyncLicense} {
		page, _ := b.page(t, "/organizations/"+string(acme))
		form := regexp.MustCompile(`action="/organizations/` + string(acme) + `/` + button + `"><input type="hidden" name="key" value="([A-Z0-9]+)">`).FindStringSubmatch(page)
		if len(form) != 2 {
			t.Fatalf("there is no button for %s", kind)
		}
		press := call{path: "/organizations/" + string(acme) + "/" + button, form: url.Values{"key": {form[1]}}, signed: true}
		before := b.jobCount(t)
		first := b.do(t, press)
		jobstest.Equal(t, "status", first.StatusCode, http.StatusSeeOther)
		jobstest.Equal(t, "double click", b.do(t, press).Header.Get("Location"), first.Header.Get("Location"))
		jobstest.Equal(t, "jobs", b.jobCount(t), before+1)
		after, _ := b.page(t, first.Header.Get("Location"))
		requireText(t, after, "waiting for its turn", "data-poll")
	}
	jobstest.RequireEnqueued(t, b.redis, func(j jobs.Sync) bool { return j.OrganizationID == acme })
	jobstest.RequireEnqueued(t, b.redis, func(j jobs.SyncLicense) bool { return j.OrganizationID == acme })
	before := b.jobCount(t)
	r := b.do(t, call{path: "/organizations/" + string(acme) + "/sync", form: url.Values{}, signed: true,
		headers: map[string]string{"Sec-Fetch-Site": "cross-site"}})
	jobstest.Equal(t, "from another site", r.StatusCode, http.StatusForbidden)
	jobstest.Equal(t, "jobs", b.jobCount(t), before)
}

func TestRedisAwayIsAPageToo(t *testing.T) {
	t.Parallel()
	b := setupOn(t, "redis://127.0.0.1:1", "nats://127.0.0.1:1")
	for _, c := range []call{{path: "/"}, {path: "/organizations/" + string(acme)}, {path: "/organizations/" + string(acme) + "/sync", form: url.Values{}}} {
		c.headers = map[string]string{"Cookie": "sponsorsync_session=of-yesterday"}
		r := b.do(t, c)
		jobstest.Equal(t, c.path, r.StatusCode, http.StatusServiceUnavailable)
		requireText(t, text(t, r), "queue_unavailable", "REDIS_URL")
	}
}
