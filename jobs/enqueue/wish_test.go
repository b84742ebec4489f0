package enqueue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestAJobTellsItsWishInWordsAndWithoutAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	change := func(edit func(*jobs.ChangeSponsorship)) jobs.ChangeSponsorship {
		a := jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: member}
		edit(&a)
		return a
	}
	byAdmin := redeem("ann@example.com")
	byAdmin.AdminInitiated = true
	for i, c := range []struct {
		args jobs.Args
		user sponsorship.ID
		want string
	}{
		{jobs.Sync{OrganizationID: org}, "", "sync"},
		{jobs.SyncLicense{OrganizationID: org}, "", "sync license"},
		{redeem("ann@example.com"), member, "redeem"},
		{byAdmin, sponsorship.AdminKey(member, "ann@example.com"), "redeem by an admin"},
		{jobs.Adopt{OrganizationID: org, OrganizationUserID: member, SponsoredEmail: "ann@example.com"}, member, "take over"},
		{jobs.Adopt{OrganizationID: org, OrganizationUserID: member, SponsoredEmail: "ann@example.com", Revoke: true}, member, "take over and revoke"},
		{change(func(a *jobs.ChangeSponsorship) { a.Revoke = true }), member, "revoke"},
		{change(func(a *jobs.ChangeSponsorship) { a.Resend = true }), member, "resend"},
		{change(func(a *jobs.ChangeSponsorship) { a.SponsoredEmail = "bob@example.com" }), member, "change address"},
		{change(func(a *jobs.ChangeSponsorship) { a.FriendlyName = "Bob" }), member, "change name"},
		{change(func(a *jobs.ChangeSponsorship) { a.SponsoredEmail, a.FriendlyName = "bob@example.com", "Bob" }), member, "change address and name"},
	} {
		waiting := jobstest.Value(b.client.Enqueue(t.Context(), c.args))(t).ID
		dead := fmt.Sprint("dead-", i)
		b.die(t, dead, c.args)
		for _, id := range []string{waiting, dead} {
			s, _, err := b.inspector.Job(t.Context(), id)
			jobstest.Must(t, err)
			if s.Wish != c.want || s.Organization != org || s.User != c.user {
				t.Errorf("%+v: %q, organization %q, member %q; want %q and %q", c.args, s.Wish, s.Organization, s.User, c.want, c.user)
			}
		}
	}
}

func TestADeadJobWithoutArgumentsStillTellsWhoseItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	args := jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: member, Revoke: true}
	b.die(t, "forgotten", args)
	records := record.New(b.rdb)
	jobstest.Value(records.Forget(t.Context(), time.Now().Add(time.Hour)))(t)
	jobstest.Must(t, records.Bury(t.Context(), record.Record{
		ID: "damaged", Kind: jobs.KindRedeem, Reason: fault.New(fault.InvalidArguments, "no ids"), Args: []byte(`{"organizationId":"ann@example.com"}`),
	}))
	s, _, err := b.inspector.Job(t.Context(), "forgotten")
	jobstest.Must(t, err)
	if s.Wish != "change" || s.Organization != org || s.User != member {
		t.Errorf("%+v", s)
	}
	s, _, err = b.inspector.Job(t.Context(), "damaged")
	jobstest.Must(t, err)
	if s.Wish != "redeem" || s.Organization != "" || s.User != "" {
		t.Errorf("%+v", s)
	}
}

func TestARefusedJobTellsItsWishAsLongAsTheQueueHasIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := jobstest.Value(b.client.Enqueue(t.Context(), jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: member, Resend: true}))(t).ID
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.RecordKey(org, id), "state", string(record.Refused)).Err())
	for _, want := range []string{"resend", "change"} {
		s, _, err := b.inspector.Job(t.Context(), id)
		jobstest.Must(t, err)
		if s.State != enqueue.StateRefused || s.Wish != want || s.Organization != org || s.User != member {
			t.Errorf("%+v, want the wish %q", s, want)
		}
		b.rdb.Del(t.Context(), enqueue.QueueKey(jobs.QueueIntake, "t:"+id))
	}
}
