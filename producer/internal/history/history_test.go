package history_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/history"
)

const (
	acme  sponsorship.ID = "11111111-1111-4111-8111-111111111111"
	bravo sponsorship.ID = "22222222-2222-4222-8222-222222222222"
	user1 sponsorship.ID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1"
	user2 sponsorship.ID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type bundle struct {
	js        jetstream.JetStream
	publisher *events.Publisher
	clock     time.Time
	reader    *history.Reader
}

func setup(t *testing.T) *bundle {
	t.Helper()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	js := jobstest.Value(events.Connect(events.Connection{URL: stack.NATSURL()}))(t)
	t.Cleanup(js.Conn().Close)
	b := &bundle{js: js, publisher: events.NewPublisher(js, events.Settings{}), clock: now}
	b.reader = history.New(js, func() time.Time { return b.clock })
	return b
}

func (b *bundle) publish(t *testing.T, e events.Encoded, err error) {
	t.Helper()
	jobstest.Must(t, err)
	jobstest.Must(t, b.publisher.Publish(t.Context(), []events.Encoded{e})[0])
}

// change publishes that a sponsorship went from one status to another some days ago.
func (b *bundle) change(t *testing.T, s events.Sponsorship, days int) {
	t.Helper()
	e, err := events.NewSponsorship(s, now.AddDate(0, 0, -days))
	b.publish(t, e, err)
}

func TestTheHistoryOfOneSponsorship(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Equal(t, "before anything happened", len(jobstest.Value(b.reader.Of(t.Context(), acme, user1))(t)), 0)
	b.change(t, events.Sponsorship{OrganizationID: acme, OrganizationUserID: user1, To: sponsorship.Pending, Intent: sponsorship.IntentRedeem, Revision: 1, JobID: "job-1"}, 2)
	b.change(t, events.Sponsorship{OrganizationID: acme, OrganizationUserID: user2, To: sponsorship.Pending, Intent: sponsorship.IntentRedeem, Revision: 1}, 2)
	b.change(t, events.Sponsorship{OrganizationID: acme, OrganizationUserID: user1, From: sponsorship.Pending, To: sponsorship.Refused, Revision: 2,
		Reason: &sponsorship.Reason{Code: fault.NotAccepted, Message: "left out"}}, 1)
	all := jobstest.Value(b.reader.Of(t.Context(), acme, user1))(t)
	jobstest.Equal(t, "entries", len(all), 2)
	first, second := all[0], all[1]
	if first.From != nil || first.To != sponsorship.Pending || *first.Intent != sponsorship.IntentRedeem || *first.JobID != "job-1" || !first.At.Equal(now.AddDate(0, 0, -2)) {
		t.Errorf("began with %+v", first)
	}
	if *second.From != sponsorship.Pending || second.Intent != nil || second.JobID != nil || second.Reason.Code != fault.NotAccepted {
		t.Errorf("went on with %+v", second)
	}
}

func TestAChartAddsUpWeeksAndReadsEachEventOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for revision, c := range []struct {
		from, to sponsorship.Status
		days     int
	}{
		{"", sponsorship.Pending, 0}, {sponsorship.Pending, sponsorship.Sent, 0}, {sponsorship.Sent, sponsorship.Sent, 0},
		{sponsorship.Sent, sponsorship.Redeemed, 6}, {sponsorship.Redeemed, sponsorship.Expiring, 7}, {sponsorship.Expiring, sponsorship.Removed, 7},
		{sponsorship.Pending, sponsorship.Removed, 90}, {sponsorship.Pending, sponsorship.Removed, 91},
	} {
		b.change(t, events.Sponsorship{OrganizationID: acme, OrganizationUserID: user1, From: c.from, To: c.to, Revision: uint64(revision + 1)}, c.days)
	}
	b.change(t, events.Sponsorship{OrganizationID: bravo, OrganizationUserID: user1, To: sponsorship.Sent, Revision: 1}, 0)
	failed, err := events.NewSync(events.Sync{OrganizationID: acme, Trigger: "manual", Error: fault.New(fault.CloudUnavailable, "no")}, "1", now)
	b.publish(t, failed, err)

	weeks := jobstest.Value(b.reader.Chart(t.Context(), acme))(t)
	jobstest.Equal(t, "weeks", len(weeks), history.Weeks)
	last, before, first := weeks[12], weeks[11], weeks[0]
	jobstest.Equal(t, "until", last.Until, now.Truncate(24*time.Hour))
	jobstest.Equal(t, "from", last.From, now.Truncate(24*time.Hour).AddDate(0, 0, -6))
	if last.Offered != 1 || last.Accepted != 1 || last.Withdrawn != 0 || last.Failed() != 1 || last.Failures[0].Code != fault.CloudUnavailable {
		t.Errorf("this week: %+v", last)
	}
	if before.Withdrawn != 1 || before.Offered+before.Accepted+before.Failed() != 0 || first.Withdrawn != 1 {
		t.Errorf("the week before: %+v, the first: %+v", before, first)
	}
	b.change(t, events.Sponsorship{OrganizationID: acme, OrganizationUserID: user2, To: sponsorship.Sent, Revision: 1}, 0)
	jobstest.Equal(t, "at once", jobstest.Value(b.reader.Chart(t.Context(), acme))(t)[12].Offered, 1)
	b.clock = now.Add(time.Minute)
	jobstest.Equal(t, "a minute later", jobstest.Value(b.reader.Chart(t.Context(), acme))(t)[12].Offered, 2)
	b.clock = now.AddDate(0, 0, 7)
	jobstest.Equal(t, "a week later", jobstest.Value(b.reader.Chart(t.Context(), acme))(t)[11].Offered, 2)
}

func TestNATSAwayIsSaid(t *testing.T) {
	t.Parallel()
	js := jobstest.Value(events.Connect(events.Connection{URL: "nats://127.0.0.1:1"}))(t)
	defer js.Conn().Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	reader := history.New(js, time.Now)
	if _, err := reader.Of(ctx, acme, user1); err == nil {
		t.Error("no history")
	}
	if weeks, err := reader.Chart(ctx, acme); err == nil {
		t.Errorf("an empty chart: %+v", weeks)
	}
}
