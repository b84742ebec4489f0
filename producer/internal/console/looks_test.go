package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/console"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

func TestTheHealthOfTheWholeStandsFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.report = health.Report{Status: health.Fail, Parts: []health.Part{
		{Name: health.PartWorker, Status: health.Fail, Detail: "none runs", Hint: "Start the worker."},
		{Name: health.PartRedis, Status: health.OK, Detail: "answers"}, {Name: health.PartMemory, Status: health.Warn, Detail: "90 % full", Hint: "Give Redis more."},
		{Name: health.PartCloud, Status: health.OK, Detail: "answered at 2026-11-22T12:00:00Z"}, {Name: health.PartQueues, Status: health.OK, Detail: "0 jobs wait"},
	}}
	page, _ := b.page(t, "/")
	requireText(t, page, "Something does not work", `<li class="part fail">`, "<strong>Worker</strong>", "none runs. Start the worker.", "<strong>Memory of Redis:</strong>",
		"answered at 22 Nov, 12:00 UTC", "<strong>Scheduler</strong>")
	if strings.Contains(page, "0 jobs wait") {
		t.Error("what is well and seldom matters is shown")
	}
}

func TestSearchOnThePage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme, sponsorship.Sponsorship{UserID: user1, Email: "f@example.com", Name: "F", Status: sponsorship.Sent},
		sponsorship.Sponsorship{UserID: user2, Email: "g@example.com", Name: "G", Status: sponsorship.Sent})
	jobstest.Must(t, jobstest.Ledger{Redis: b.redis}.Held(t.Context(), acme, noon)) // names are read where the vault is followed
	for search, want := range map[string]string{"F@EX": "f@example.com", "mia": "f@example.com", "mia@acme": "f@example.com", string(user2): "g@example.com"} {
		page, _ := b.page(t, "/organizations/"+string(acme)+"?search="+search)
		requireText(t, page, "1 found for", want)
		jobstest.Equal(t, search, strings.Count(page, "<tr role=\"row\" data-user="), 1)
	}
	none, _ := b.page(t, "/organizations/"+string(acme)+"?search=%3Cb%3E&status=sent")
	requireText(t, none, "Nothing here fits the search.", "&lt;b&gt;", `name="status" value="sent"`)
}

func TestHistoryAndChartFromTheStream(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connected(t, acme, sponsorship.Sponsorship{UserID: user1, Email: "f@example.com", Name: "F", Status: sponsorship.Sent})
	publisher := events.NewPublisher(b.js, events.Settings{})
	publish := func(e events.Encoded, err error) {
		jobstest.Must(t, err)
		jobstest.Must(t, publisher.Publish(t.Context(), []events.Encoded{e})[0])
	}
	publish(events.NewSponsorship(events.Sponsorship{OrganizationID: acme, OrganizationUserID: user1, To: sponsorship.Pending, Intent: sponsorship.IntentRedeem, Revision: 1, JobID: "job-7"}, noon))
	publish(events.NewSponsorship(events.Sponsorship{OrganizationID: acme, OrganizationUserID: user1, From: sponsorship.Pending, To: sponsorship.Sent, Revision: 2}, noon))
	publish(events.NewSync(events.Sync{OrganizationID: acme, Trigger: "manual", Error: fault.New(fault.CloudUnavailable, "no")}, "1", noon))
	page, _ := b.page(t, "/organizations/"+string(acme)+"/members/"+string(user1))
	requireText(t, page, "Offered (awaiting sync)", "job <code>job-7</code>", "A sync found it so.", "3 hours ago")
	chart, _ := b.page(t, "/organizations/"+string(acme))
	requireText(t, chart, `<rect class="offered"`, "<td>1</td><td>0</td><td>0</td><td>1: cloud_unavailable</td>", `<circle class="failed"`)
	jobstest.Equal(t, "weeks", strings.Count(chart, ` to `+"22 Nov</th>"), 1)
}

func TestWithoutNATSThePageSaysSo(t *testing.T) {
	t.Parallel()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	b := setupOn(t, stack.RedisURL(), "nats://127.0.0.1:1")
	b.connected(t, acme)
	page, status := b.page(t, "/organizations/"+string(acme))
	jobstest.Equal(t, "status", status, http.StatusOK)
	requireText(t, page, "The events cannot be read at the moment", "Sync now")
}

// A program is told of an address that is not there in JSON, a person on a page.
func TestALostPersonGetsAPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for accept, want := range map[string]bool{"text/html,*/*": true, "*/*": false, "application/json": false} {
		r := httptest.NewRequest(http.MethodGet, "/nowhere", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		got := b.console.Lost(w, r, view.ProblemOf(view.NotFound(fault.NotFound, "there is no such address here")))
		jobstest.Equal(t, accept, got, want)
		if want {
			jobstest.Equal(t, "status", w.Code, http.StatusNotFound)
			requireText(t, w.Body.String(), "there is no such address here", "All organizations")
		}
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		3 * time.Second: "just now", 42 * time.Second: "42 seconds ago", 70 * time.Second: "a minute ago", 125 * time.Second: "2 minutes ago",
		119 * time.Minute: "119 minutes ago", 3*time.Hour + 20*time.Minute: "3 hours ago", 47 * time.Hour: "47 hours ago", 80 * time.Hour: "3 days ago",
		-20 * time.Minute: "in 20 minutes", -3 * time.Hour: "in 3 hours",
	} {
		jobstest.Equal(t, d.String(), console.Ago(noon, noon.Add(-d)), want)
	}
}

// However few of thousands, each status is seen, and together they fill the bar.
func TestABarIsFilled(t *testing.T) {
	t.Parallel()
	widths := console.BarWidths(map[sponsorship.Status]int64{sponsorship.Sent: 1, sponsorship.Redeemed: 4999, sponsorship.Refused: 2})
	sum := 0
	for _, w := range widths {
		if sum += w; w < 8 {
			t.Errorf("too narrow: %v", widths)
		}
	}
	jobstest.Equal(t, "width", sum, 1000)
	jobstest.Equal(t, "of none", len(console.BarWidths(nil)), 0)
}

func TestAChartsScaleIsRound(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{0: 4, 4: 4, 5: 8, 9: 20, 21: 40, 300: 400, 401: 800} {
		jobstest.Equal(t, "above", console.Ceiling(n), want)
	}
}
