package cli_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// publish puts one event of each kind into the stream.
func (b *bundle) publish() {
	b.t.Helper()
	js, err := events.Connect(events.Connection{URL: b.stack.NATSURL()})
	if err != nil {
		b.t.Fatalf("connect: %v", err)
	}
	defer js.Conn().Close()
	publisher := events.NewPublisher(js, events.Settings{})
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	end := time.Date(2027, 3, 4, 0, 0, 0, 0, time.UTC)
	redeemed, err1 := events.NewSponsorship(events.Sponsorship{
		OrganizationID: acme, OrganizationUserID: member, From: sponsorship.Sent, To: sponsorship.Redeemed, Revision: 2, ValidUntil: &end,
	}, now)
	synced, err2 := events.NewSync(events.Sync{OrganizationID: acme, Trigger: "manual", Rows: 3, Requests: 1}, "1", now)
	failed, err3 := events.NewSync(events.Sync{
		OrganizationID: acme, Trigger: "scheduled", Error: fault.New(fault.CloudUnavailable, "no answer"),
	}, "2", now)
	license, err4 := events.NewLicense(events.License{OrganizationID: acme, Expires: &end}, "3", now)
	held, err5 := events.NewHeld(events.Bridge{OrganizationID: acme, OrganizationUserID: member, Reason: fault.HeldRowVanished}, now)
	resumed, err6 := events.NewResumed(events.Bridge{OrganizationID: acme, Reason: fault.HeldRestored}, now)
	for _, err := range []error{err1, err2, err3, err4, err5, err6} {
		if err != nil {
			b.t.Fatalf("encode event: %v", err)
		}
	}
	for _, err := range publisher.Publish(b.t.Context(), []events.Encoded{redeemed, synced, failed, license, held, resumed}) {
		if err != nil {
			b.t.Fatalf("publish: %v", err)
		}
	}
}

// watch runs the command until it has printed so many lines.
func (b *bundle) watch(lines int, args ...string) []string {
	b.t.Helper()
	ctx, interrupt := context.WithCancel(b.t.Context())
	defer interrupt()
	var out, stderr buffer
	status := make(chan int, 1)
	go func() {
		status <- program(b.environ, strings.NewReader(""), &out, &stderr).Run(ctx, append([]string{"watch", "--since", "1h"}, args...))
	}()
	jobstest.Eventually(b.t, jobstest.Timeout, func() bool { return strings.Count(out.String(), "\n") >= lines })
	interrupt()
	if got := <-status; got != 0 {
		b.t.Errorf("exit status %d after an interrupt, want 0\n%s", got, stderr.String())
	}
	return strings.Split(strings.TrimSpace(out.String()), "\n")
}

func TestWatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish()
	want := []string{
		"2026-05-06 07:08:09 UTC  " + acme + "/" + member + "  sent -> redeemed, valid until 2027-03-04",
		"2026-05-06 07:08:09 UTC  " + acme + "  sync (manual) succeeded: rows 3, requests 1, removed 0, refused 0, took 0s",
		"2026-05-06 07:08:09 UTC  " + acme + "  sync (scheduled) failed, cloud_unavailable: no answer (hint: " + fault.CloudUnavailable.Hint() + ")",
		"2026-05-06 07:08:09 UTC  " + acme + "  license synced, valid until 2027-03-04",
		"2026-05-06 07:08:09 UTC  " + acme + "  bridge held for member " + member + ", row_vanished (hint: " + fault.HeldRowVanished.Hint() + ")",
		"2026-05-06 07:08:09 UTC  " + acme + "  bridge goes on after restored",
	}
	got := map[string]bool{}
	for _, line := range b.watch(len(want), "--org", strings.ToUpper(acme)) {
		got[line] = true
	}
	for _, line := range want { // events of different keys have no order
		if !got[line] {
			t.Errorf("no line %q in %v", line, got)
		}
	}
}

func TestWatchJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish()
	lines := b.watch(1, "--json", "--status", "redeemed")
	var e events.Event[events.Sponsorship]
	if err := json.Unmarshal([]byte(lines[0]), &e); err != nil {
		t.Fatalf("line is not JSON: %v\n%s", err, lines[0])
	}
	if len(lines) != 1 || e.Type != "sponsorsync.sponsorship.redeemed" || e.SpecVersion != "1.0" || e.Data.OrganizationUserID != member {
		t.Errorf("got %v", lines)
	}
}
