//go:build browser

package browser_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const (
	acme sponsorship.ID = "11111111-1111-4111-8111-111111111111"
	many sponsorship.ID = "22222222-2222-4222-8222-222222222222"
)

func member(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("aaaaaaaa-aaaa-4aaa-8aaa-%012d", n))
}

// One person's day: each step stands on the one before.
func TestADayAtTheStatusPage(t *testing.T) {
	b := open(t, start(t))
	for _, step := range []struct {
		name string
		do   func(*testing.T, *browser)
	}{
		{"signs in", signIn}, {"connects", connect}, {"sees the sync run", seeTheSyncRun}, {"revokes", revoke},
		{"finds one among five thousand", findOne}, {"is told that Redis is away", redisAway}, {"signs out", signOut},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.do(t, &browser{b.stack, b.ctx, t}) }) {
			t.FailNow()
		}
	}
}

func signIn(_ *testing.T, b *browser) {
	b.visit("/organizations/" + string(acme))
	b.inspect("sign-in")
	b.do(chromedp.SendKeys("#token", "wrong"), chromedp.Submit("#token"))
	b.waitFor("document.getElementById('fault')")
	b.inspect("sign-in-fault")
	b.do(chromedp.SendKeys("#token", apiToken), chromedp.Submit("#token"))
	b.waitFor("document.body.textContent.includes('was never seen here')") // where the person wanted to go
	b.inspect("unseen")
	b.visit("/nowhere")
	b.waitFor("document.body.textContent.includes('there is no such address here')")
}

func connect(_ *testing.T, b *browser) {
	b.visit("/")
	b.waitFor("document.body.textContent.includes('No organization is connected yet')")
	b.inspect("empty")
	b.do(chromedp.SendKeys("#org", string(acme)), chromedp.SendKeys("#cloud-org", b.env["DEVSTACK_CLOUD_ORGANIZATION_ID"]),
		chromedp.SendKeys("#token", b.env["DEVSTACK_BILLING_SYNC_TOKEN"]), chromedp.Submit("#org"))
	b.waitFor("document.getElementById('sync')")
}

func seeTheSyncRun(t *testing.T, b *browser) {
	client := enqueue.New(b.redis, enqueue.Options{})
	for n := range 30 {
		jobstest.Value(client.Enqueue(t.Context(), jobs.Redeem{OrganizationID: acme, OrganizationUserID: member(n), SponsoredEmail: fmt.Sprintf("home%d@example.com", n)}))(t)
	}
	b.waitFor("document.querySelectorAll('tr[data-user] .status.pending').length === 30") // by itself
	b.waitFor("document.getElementById('live').textContent === 'Live'")
	b.do(chromedp.Click("#sync"))
	b.waitFor("document.querySelector('.notice')")
	b.waitFor("document.activeElement.id === 'outcome'")
	b.do(chromedp.Evaluate("window.same = true; 0", nil))
	b.waitFor("document.querySelectorAll('tr[data-user] .status.sent').length === 30 && document.querySelector('.notice.done')")
	if b.see("window.same") != "true" {
		t.Error("the page was loaded anew")
	}
	b.waitFor("document.querySelectorAll('#chart rect.offered').length === 1")
	b.inspect("organization")
	b.do(chromedp.Click(".figures summary"), chromedp.Click(".meanings summary"))
	b.inspect("organization-open")
}

func revoke(_ *testing.T, b *browser) {
	b.do(chromedp.Click("#s-" + string(member(7))))
	b.waitFor("document.getElementById('history-title')")
	b.inspect("sponsorship")
	b.do(chromedp.Click("#revoke"))
	b.inspect("question")
	b.do(chromedp.Click("details[open] button.danger"))
	b.waitFor("document.querySelector('.notice')")
	b.waitFor("document.querySelector('#now .status.removed')")
	b.waitFor("document.querySelectorAll('#history li').length >= 4")
	b.waitFor("document.querySelectorAll('#actions details').length === 0") // what is gone can't be revoked again
	b.visit("/")
	b.waitFor("document.querySelector('.parts .part.ok')")
	b.inspect("overview")
}

func findOne(t *testing.T, b *browser) {
	seed := jobstest.Ledger{Redis: b.redis}
	for n := range 5000 {
		jobstest.Must(t, seed.Put(t.Context(), sponsorship.Sponsorship{OrganizationID: many, UserID: member(n), Email: fmt.Sprintf("home%d@example.com", n),
			Name: fmt.Sprintf("Home %d", n), Status: sponsorship.Sent, Revision: 1, UpdatedAt: time.Now()}))
	}
	b.visit("/organizations/" + string(many))
	b.do(chromedp.Click("#last"))
	b.waitFor("document.querySelector('#s-" + string(member(4999)) + "') && !document.getElementById('more')")
	b.do(chromedp.Click("#previous"))
	b.waitFor("document.querySelector('#s-" + string(member(4900)) + "') && document.getElementById('more')")
	began := time.Now()
	b.do(chromedp.SendKeys("#search", "HOME4321@"), chromedp.Submit("#search"))
	b.waitFor("document.querySelectorAll('tr[data-user]').length === 1 && document.querySelector('#s-" + string(member(4321)) + "')")
	t.Logf("one among 5,000 was found in %s", time.Since(began).Round(time.Millisecond))
	b.inspect("search")
}

func redisAway(t *testing.T, b *browser) {
	b.visit("/organizations/" + string(acme))
	b.waitFor("document.getElementById('live').textContent === 'Live' && document.getElementById('stale').hidden")
	b.way.set(true)
	b.waitFor("!document.getElementById('stale').hidden && document.getElementById('stale').textContent.includes('Redis does not answer')")
	b.waitFor("[...document.querySelectorAll('#main form[method=post] button')].every((button) => button.disabled)")
	if live := b.see("document.getElementById('live').dataset.state"); live != "lost" {
		t.Errorf("says that it is %s", live)
	}
	b.inspect("redis-away")
	b.way.set(false)
	b.waitFor("document.getElementById('stale').hidden && !document.getElementById('sync').disabled")
}

func signOut(_ *testing.T, b *browser) {
	b.do(chromedp.Click(".account button"))
	b.waitFor("document.getElementById('token')")
}
