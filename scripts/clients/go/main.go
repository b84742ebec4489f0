// Command drive does the main job with the client that oapi-codegen makes of our document:
// what somebody has who writes Go and not our packages. scripts/clients.sh runs it.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/sponsorsync/sponsorsync/scripts/clients/go/client"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := drive(ctx, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "drive:", err)
		os.Exit(1)
	}
}

type driver struct {
	*client.ClientWithResponses
	org client.Id
}

func drive(ctx context.Context, env func(string) string) error {
	c, err := client.NewClientWithResponses(env("BASE"), client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+env("TOKEN"))
		return nil
	}))
	if err != nil {
		return err
	}
	d := driver{c, env("ORG")}
	for _, step := range []func() error{
		func() error { return d.connect(ctx, env("CLOUD_ORG"), env("BILLING_SYNC_TOKEN")) },
		func() error { return d.redeem(ctx, 3) },
		func() error { return d.sync(ctx) },
		func() error { return d.read(ctx, 3) },
		func() error { return d.refused(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (d driver) connect(ctx context.Context, cloudOrg client.Id, token string) error {
	r, err := d.ConnectOrganizationWithResponse(ctx, d.org, client.ConnectOrganizationJSONRequestBody{
		CloudOrganizationId: cloudOrg, BillingSyncToken: token,
	})
	if err != nil {
		return err
	}
	return expect(http.StatusNoContent, r.HTTPResponse, r.Body)
}

// redeem asks for all in one request.
func (d driver) redeem(ctx context.Context, members int) error {
	all := make(client.Jobs1, members)
	for n := range all {
		job := client.RedeemJob{Kind: client.RedeemJobKindRedeem}
		job.Args.OrganizationId, job.Args.OrganizationUserId = d.org, fmt.Sprintf("9d0e8400-e29b-41d4-a716-%012d", n)
		job.Args.SponsoredEmail = fmt.Sprintf("home%d@example.com", n)
		if err := all[n].FromRedeemJob(job); err != nil {
			return err
		}
	}
	var body client.Jobs
	if err := body.FromJobs1(all); err != nil {
		return err
	}
	receipts, err := d.enqueue(ctx, body)
	if err != nil {
		return err
	}
	list, err := receipts.AsReceipts1()
	if err == nil && len(list) != members {
		err = fmt.Errorf("redeem: %d receipts for %d jobs", len(list), members)
	}
	return err
}

func (d driver) enqueue(ctx context.Context, body client.Jobs) (*client.Receipts, error) {
	key := "drive-" + fmt.Sprint(time.Now().UnixNano())
	r, err := d.EnqueueJobsWithResponse(ctx, &client.EnqueueJobsParams{IdempotencyKey: &key}, body)
	if err != nil {
		return nil, err
	}
	return r.JSON202, expect(http.StatusAccepted, r.HTTPResponse, r.Body)
}

func (d driver) sync(ctx context.Context) error {
	wish := client.SyncJob{Kind: client.SyncJobKindSync}
	wish.Args.OrganizationId = d.org
	var job client.Job
	var body client.Jobs
	if err := job.FromSyncJob(wish); err != nil {
		return err
	}
	if err := body.FromJob(job); err != nil {
		return err
	}
	receipts, err := d.enqueue(ctx, body)
	if err != nil {
		return err
	}
	one, err := receipts.AsReceipt()
	if err != nil {
		return err
	}
	return d.wait(ctx, one.Id)
}

func (d driver) wait(ctx context.Context, id string) error {
	for {
		r, err := d.GetJobWithResponse(ctx, id)
		if err != nil {
			return err
		}
		if err := expect(http.StatusOK, r.HTTPResponse, r.Body); err != nil {
			return err
		}
		switch r.JSON200.State {
		case client.JobStatusStateDone:
			return nil
		case client.JobStatusStateDead, client.JobStatusStateRefused:
			return fmt.Errorf("job %s is %s: %s", id, r.JSON200.State, r.JSON200.LastError.Message)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (d driver) read(ctx context.Context, members int) error {
	statuses := []client.Status{client.StatusSent}
	page, err := d.ListSponsorshipsWithResponse(ctx, d.org, &client.ListSponsorshipsParams{Status: &statuses})
	if err != nil {
		return err
	}
	if err := expect(http.StatusOK, page.HTTPResponse, page.Body); err != nil {
		return err
	}
	if n := len(page.JSON200.Sponsorships); n != members {
		return fmt.Errorf("sponsorships: %d are sent, want %d", n, members)
	}
	states := []client.ListJobsParamsState{client.ListJobsParamsStateDone, client.ListJobsParamsStateDead}
	jobs, err := d.ListJobsWithResponse(ctx, &client.ListJobsParams{State: &states, OrganizationId: &d.org})
	if err != nil {
		return err
	}
	if err := expect(http.StatusOK, jobs.HTTPResponse, jobs.Body); err != nil {
		return err
	}
	status, err := d.GetStatusWithResponse(ctx)
	if err != nil {
		return err
	}
	if err := expect(http.StatusOK, status.HTTPResponse, status.Body); err != nil {
		return err
	}
	fmt.Printf("go client: %d sent, %d jobs done, status %s\n", members, len(jobs.JSON200.Jobs), status.JSON200.Status)
	return nil
}

// refused reads an error as a type, not as text.
func (d driver) refused(ctx context.Context) error {
	r, err := d.GetJobWithResponse(ctx, "nothing")
	if err != nil {
		return err
	}
	if r.ApplicationproblemJSON404 == nil || r.ApplicationproblemJSON404.Code == nil {
		return fmt.Errorf("an unknown job: status %d and no problem with a code: %s", r.StatusCode(), r.Body)
	}
	return nil
}

func expect(status int, got *http.Response, body []byte) error {
	if got.StatusCode == status {
		return nil
	}
	return fmt.Errorf("%s %s: status %d, want %d: %s", got.Request.Method, got.Request.URL.Path, got.StatusCode, status, body)
}
