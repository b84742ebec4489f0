package api_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

type jobPage struct {
	Jobs       []view.Job
	NextCursor *string
}

// bury makes a job dead, as a worker does.
func (b *bundle) bury(t *testing.T, id string) {
	t.Helper()
	args := jobstest.Value(jobs.Encode(jobs.Redeem{OrganizationID: acme, OrganizationUserID: user1, SponsoredEmail: "mum@example.com"}))(t)
	jobstest.Must(t, record.New(b.redis).Bury(t.Context(), record.Record{
		ID: id, Kind: jobs.KindRedeem, Organization: acme, User: user1, Reason: fault.New(fault.CloudUnavailable, "no"), Args: args,
	}))
}

// all reads the pages to their end.
func (b *bundle) all(t *testing.T, query url.Values) (ids map[string]string) {
	t.Helper()
	ids = map[string]string{}
	for {
		a := b.get(t, "/v1/jobs?"+query.Encode())
		jobstest.Equal(t, "status", a.status, http.StatusOK)
		page := read[jobPage](t, a)
		for _, job := range page.Jobs {
			ids[job.ID] = job.State
		}
		if page.NextCursor == nil {
			return ids
		}
		query.Set("cursor", *page.NextCursor)
	}
}

func TestJobsAreListedByStateAndOrganization(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bury(t, "dead-1")
	b.bury(t, "dead-2")
	waiting := jobstest.Value(enqueue.New(b.redis, enqueue.Options{}).Enqueue(t.Context(), jobs.Sync{OrganizationID: bravo}))(t)
	jobstest.Must(t, enqueue.NewSystem(enqueue.New(b.redis, enqueue.Options{})).Sweep(t.Context(), 1)) // the system's own are not listed
	for _, c := range []struct {
		query url.Values
		want  map[string]string
	}{
		{url.Values{}, map[string]string{"dead-1": "dead", "dead-2": "dead", waiting.ID: "pending"}},
		{url.Values{"limit": {"1"}}, map[string]string{"dead-1": "dead", "dead-2": "dead", waiting.ID: "pending"}},
		{url.Values{"state": {"pending,active"}}, map[string]string{waiting.ID: "pending"}},
		{url.Values{"state": {"dead"}, "organizationId": {string(bravo)}}, map[string]string{}},
		{url.Values{"state": {"dead"}, "organizationId": {string(acme)}}, map[string]string{"dead-1": "dead", "dead-2": "dead"}},
		{url.Values{"state": {"done", "refused"}}, map[string]string{}},
	} {
		name := c.query.Encode()
		got := b.all(t, c.query)
		if len(got) != len(c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		for id, state := range c.want {
			jobstest.Equal(t, name+": "+id, got[id], state)
		}
	}
	for _, wrong := range []string{"state=lost", "organizationId=1", "limit=0", "cursor=x", "cursor=1:-1"} {
		a := b.get(t, "/v1/jobs?"+wrong)
		jobstest.Equal(t, wrong, a.status, http.StatusBadRequest)
		jobstest.Equal(t, wrong, a.problem(t).Code, fault.InvalidArguments)
	}
}

func TestDeadJobsAreRetriedAndDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bury(t, "dead-1")
	b.bury(t, "dead-2")
	a := b.do(t, call{method: "POST", path: "/v1/jobs/dead-1/retry"})
	jobstest.Equal(t, "retry", a.status, http.StatusAccepted)
	again := read[struct{ ID, Kind string }](t, a)
	jobstest.Equal(t, "location", a.header.Get("Location"), "/v1/jobs/"+again.ID)
	jobstest.Equal(t, "kind", again.Kind, "redeem")
	jobstest.Equal(t, "state", read[view.Job](t, b.get(t, "/v1/jobs/"+again.ID)).State, "pending")
	jobstest.Equal(t, "drop", b.do(t, call{method: "DELETE", path: "/v1/jobs/dead-2"}).status, http.StatusNoContent)
	jobstest.Equal(t, "dead jobs", len(b.all(t, url.Values{"state": {"dead"}})), 0)
	for path, want := range map[string]int{"/v1/jobs/none": http.StatusNotFound, "/v1/jobs/" + again.ID: http.StatusConflict} {
		jobstest.Equal(t, "drop "+path, b.do(t, call{method: "DELETE", path: path}).status, want)
		jobstest.Equal(t, "retry "+path, b.do(t, call{method: "POST", path: path + "/retry"}).status, want)
	}
	jobstest.Equal(t, "anonymous", b.do(t, call{method: "DELETE", path: "/v1/jobs/none", anonymous: true}).status, http.StatusUnauthorized)
}
