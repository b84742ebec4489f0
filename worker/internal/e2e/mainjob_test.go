package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

func TestMainJob(t *testing.T) {
	t.Parallel()
	const members = 2500
	s := start(t)
	s.worker()

	ids := s.producer("", "redeem", "--org", string(org), "--file", s.csv(members), "--yes").ok()
	if n := len(strings.Fields(ids.out)); n != members {
		t.Fatalf("%d job ids printed, want %d", n, members)
	}
	s.await(sponsorship.Pending, members)
	if n := len(s.cloud.Requests()); n != 0 {
		t.Fatalf("%d requests before the first sync was started by hand", n)
	}
	if status := s.producer("", "status", "--org", string(org)).ok(); !strings.Contains(status.out, "Never") {
		t.Fatalf("status does not say Never:\n%s", status.out)
	}

	s.producer("", "sync", "--org", string(org), "--wait").ok()
	s.await(sponsorship.Sent, members)
	if requests := s.cloud.SyncRequests(); len(requests) != 3 {
		t.Errorf("%d requests for %d rows that were all there, want 3", len(requests), members)
	}
	s.checkMails(members)

	_, err := s.cloud.Accept(s.remote.ID, string(user(7)))
	jobstest.Must(t, err)
	s.producer("", "sync", "--org", string(org), "--wait").ok()
	s.await(sponsorship.Redeemed, 1)

	stream := s.stream()
	if len(stream.stories) != members {
		t.Fatalf("the stream tells of %d sponsorships, want %d", len(stream.stories), members)
	}
	for id, story := range stream.stories {
		want := []sponsorship.Status{sponsorship.Pending, sponsorship.Sent}
		if id == user(7) {
			want = append(want, sponsorship.Redeemed)
			if last := story[len(story)-1].Data; last.ValidUntil == nil || last.From != sponsorship.Sent {
				t.Errorf("redeemed event: from %s, valid until %v", last.From, last.ValidUntil)
			}
		}
		if got := path(story); !slices.Equal(got, want) {
			t.Fatalf("the story of %s is %v, want %v", id, got, want)
		}
	}
}

func TestRedeemsAfterTheFirstSyncTravelTogether(t *testing.T) {
	t.Parallel()
	const members = 2500
	s := start(t)
	s.worker()
	s.producer("", "sync", "--org", string(org), "--wait").ok()
	s.producer("", "redeem", "--org", string(org), "--file", s.csv(members), "--wait", "--yes").ok()
	s.await(sponsorship.Sent, members)
	s.checkMails(members)
	for _, r := range s.cloud.SyncRequests() {
		if len(r.Rows) > 1000 {
			t.Errorf("%d rows in one request", len(r.Rows))
		}
	}
	t.Logf("%d requests", len(s.cloud.SyncRequests()))
}

// checkMails: one mail for each of the first n members.
func (s *system) checkMails(n int) {
	s.t.Helper()
	got := map[string]int{}
	for _, m := range s.cloud.Mails() {
		got[m.To]++
	}
	for i := range n {
		if got[address(i)] != 1 {
			s.t.Fatalf("member %d got %d mails", i, got[address(i)])
		}
	}
}

func TestCloudCommunicationOff(t *testing.T) {
	t.Parallel()
	s := start(t, "globalSettings__enableCloudCommunication=false")
	s.worker()
	r := s.producer("", "sync", "--org", string(org), "--wait")
	if r.status != 1 || !strings.Contains(r.errors, "cloud_communication_disabled") || !strings.Contains(r.errors, "enableCloudCommunication=true") {
		t.Fatalf("status %d, want 1 with code and hint:\n%s", r.status, r.errors)
	}
	if n := len(s.cloud.Requests()); n != 0 {
		t.Fatalf("%d requests left", n)
	}
	var shown struct {
		Organization struct {
			LastSyncAt *string
			LastError  struct{ Code string }
		}
	}
	jobstest.Must(t, json.Unmarshal([]byte(s.producer("", "status", "--org", string(org), "--json").ok().out), &shown))
	if shown.Organization.LastSyncAt != nil || shown.Organization.LastError.Code != "cloud_communication_disabled" {
		t.Fatalf("status = %+v", shown)
	}
}

// TestDisturbances runs the same little history undisturbed, and with the worst
// at the worst moment; in the end nobody can tell the difference.
func TestDisturbances(t *testing.T) {
	t.Parallel()
	histories := map[string]func(*system){
		"undisturbed": func(*system) {},
		"answer lost after the effect": func(s *system) {
			s.cloud.Inject(cloudtest.LostAnswer().Times(1))
		},
		"worker killed in the middle of a request": func(s *system) {
			gate := s.cloud.Hold(cloudtest.AfterEffect, func(r cloudtest.Request) bool { return len(r.Rows) > 0 })
			s.producer("", "sync", "--org", string(org)).ok()
			_, err := gate.Wait(s.t.Context())
			jobstest.Must(s.t, err)
			s.first.kill()
			gate.Release()
			s.worker()
		},
	}
	for name, disturb := range histories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "SPONSORSYNC_SWEEP_INTERVAL=1s", "SPONSORSYNC_RETRY_BASE=100ms")
			s.first = s.worker()
			s.producer("", "redeem", "--org", string(org), "--file", s.csv(20)).ok()
			s.await(sponsorship.Pending, 20)
			disturb(s)
			s.producer("", "sync", "--org", string(org)).ok()
			s.await(sponsorship.Sent, 20)
			s.checkMails(20)
			for id, story := range s.stream().stories {
				// A row that must wait is pending still, and says why.
				if got := fmt.Sprint(slices.Compact(path(story))); got != "[pending sent]" {
					t.Fatalf("the story of %s is %s", id, got)
				}
			}
		})
	}
}
