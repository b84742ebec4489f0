package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

func TestSyncRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Sync(t.Context(), batch(
		cloud.Row{UserID: strings.ToUpper(user1), Name: "Ada", Email: address},
		cloud.Row{UserID: user2, Delete: true},
	))
	if err != nil {
		t.Fatal(err)
	}
	sent := b.wire.to("/organization/sponsorship/sync")
	if len(sent) != 1 || sent[0].method != "POST" || sent[0].url != "https://api.example/v1/organization/sponsorship/sync" {
		t.Fatalf("sent %+v", sent)
	}
	want := `{"billingSyncKey":"` + secretToken + `","sponsoringOrganizationCloudId":"` + organization + `","sponsorshipsBatch":[` +
		`{"sponsoringOrganizationUserId":"` + user1 + `","friendlyName":"Ada","offeredToEmail":"` + address +
		`","planSponsorshipType":0,"lastSyncDate":null,"validUntil":null,"toDelete":false},` +
		`{"sponsoringOrganizationUserId":"` + user2 + `","friendlyName":"","offeredToEmail":"",` +
		`"planSponsorshipType":0,"lastSyncDate":null,"validUntil":null,"toDelete":true}]}`
	if sent[0].body != want {
		t.Errorf("sent %s\nwant %s", sent[0].body, want)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Authorization": "Bearer token-1",
		"User-Agent": "sponsorsync/1.2.3", "Accept": "application/json",
	} {
		if got := sent[0].header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if b.limiter.waits != 2 {
		t.Errorf("waited for %d turns, want one for the token and one for the sync", b.limiter.waits)
	}
	if got := fmt.Sprint(*b.observed); got != "[token ok sync ok]" {
		t.Errorf("observed %s", got)
	}
}

func TestSyncWithoutRowsSendsAnEmptyArray(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answers, err := b.Sync(t.Context(), batch())
	if err != nil || len(answers) != 0 {
		t.Fatalf("got %v, %v", answers, err)
	}
	if body := b.wire.to("/sync")[0].body; !strings.HasSuffix(body, `"sponsorshipsBatch":[]}`) {
		t.Errorf("sent %s", body)
	}
}

func TestSyncAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wire.api = always(200, `{"sponsorshipsBatch":[
		{"sponsoringOrganizationUserId":"`+strings.ToUpper(user2)+`","friendlyName":"x","offeredToEmail":"x","planSponsorshipType":0,
		 "lastSyncDate":"2026-08-20T19:16:19.1234567Z","validUntil":null,"toDelete":true,"cloudSponsorshipRemoved":true,"isAdminInitiated":false},
		{"sponsoringOrganizationUserId":"`+user1+`","lastSyncDate":"2026-08-20T19:16:19","validUntil":"2027-08-20T21:00:00+02:00"}]}`)
	got, err := b.Sync(t.Context(), batch(
		cloud.Row{UserID: user1, Name: "a", Email: address}, cloud.Row{UserID: user2, Delete: true},
	))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].UserID != user2 || got[1].UserID != user1 {
		t.Fatalf("got %+v, want user 2 and user 1 in lower case", got)
	}
	if !got[0].Removed || !got[0].ToDelete || got[0].ValidUntil != nil || got[1].Removed || got[1].ToDelete {
		t.Errorf("got %+v", got)
	}
	if want := time.Date(2026, 8, 20, 19, 16, 19, 123456700, time.UTC); !got[0].LastSyncDate.Equal(want) {
		t.Errorf("last sync %s, want %s", got[0].LastSyncDate, want)
	}
	if want := time.Date(2026, 8, 20, 19, 16, 19, 0, time.UTC); !got[1].LastSyncDate.Equal(want) {
		t.Errorf("last sync without an offset %s, want %s", got[1].LastSyncDate, want)
	}
	if want := time.Date(2027, 8, 20, 19, 0, 0, 0, time.UTC); !got[1].ValidUntil.Equal(want) {
		t.Errorf("valid until %s, want %s", got[1].ValidUntil, want)
	}
}

func TestSyncRefusesAHarmfulBatch(t *testing.T) {
	t.Parallel()
	ok := cloud.Row{UserID: user1, Name: "a", Email: address}
	tests := map[string]cloud.SyncRequest{
		"one user twice":        batch(ok, cloud.Row{UserID: strings.ToUpper(user1), Delete: true}),
		"blank address":         batch(cloud.Row{UserID: user1, Email: " \t"}),
		"user is no GUID":       batch(cloud.Row{UserID: "x", Email: address}),
		"organization is wrong": {BillingSyncKey: secretToken, CloudOrganizationID: "../x", Rows: []cloud.Row{ok}},
	}
	for name, request := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, err := b.Sync(t.Context(), request)
			if fault.CodeOf(err) != fault.InvalidArguments || strings.Contains(err.Error(), address) {
				t.Errorf("got %v", err)
			}
			if n := len(b.wire.to("/sync")); n != 0 {
				t.Errorf("%d requests left", n)
			}
		})
	}
}

func TestSyncAnswerNotUnderstood(t *testing.T) {
	t.Parallel()
	row := func(user string) string { return `{"sponsoringOrganizationUserId":"` + user + `"}` }
	tests := map[string]string{
		"page":           `<html><body>Sign in to the network</body></html>`,
		"empty":          ``,
		"cut off":        `{"sponsorshipsBatch":[` + row(user1),
		"trailing":       emptyBatch + `{}`,
		"no batch":       `{"status":"ok"}`,
		"null batch":     `{"sponsorshipsBatch":null}`,
		"array":          `[]`,
		"not asked":      `{"sponsorshipsBatch":[` + row(user2) + `]}`,
		"no GUID":        `{"sponsorshipsBatch":[` + row("me") + `]}`,
		"null row":       `{"sponsorshipsBatch":[null]}`,
		"twice":          `{"sponsorshipsBatch":[` + row(user1) + `,` + row(strings.ToUpper(user1)) + `]}`,
		"unreadable day": `{"sponsorshipsBatch":[{"sponsoringOrganizationUserId":"` + user1 + `","validUntil":"yesterday"}]}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.wire.api = always(200, body)
			answers, err := b.Sync(t.Context(), batch(cloud.Row{UserID: user1, Email: address}))
			if e := failure(t, err, fault.CloudProtocolError); e.Outage || e.ServerError || answers != nil {
				t.Errorf("got %+v, %v", e, answers)
			}
			if got := (*b.observed)[1]; got != "sync cloud_protocol_error" {
				t.Errorf("observed %q", got)
			}
		})
	}
}

func TestSyncWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.limiter.err = fault.New(fault.QueueUnavailable, "no Redis")
	if _, err := b.Sync(t.Context(), batch()); fault.CodeOf(err) != fault.QueueUnavailable {
		t.Errorf("got %v", err)
	}
	if n := len(b.wire.to("")); n != 0 {
		t.Errorf("%d requests left without a turn", n)
	}
}

func TestSyncGivenUpByTheCallerIsNoFault(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	b := setup(t)
	b.wire.api = hang(cancel)
	_, err := b.Sync(ctx, batch())
	if !errors.Is(err, context.Canceled) || fault.CodeOf(err) != "" {
		t.Errorf("got %v, want the caller's own cancellation", err)
	}
	if got := (*b.observed)[1]; got != "sync canceled" {
		t.Errorf("observed %q", got)
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wire.api = always(429, bitwarden(address), "Retry-After", "7")
	_, err := b.Sync(t.Context(), batch(cloud.Row{UserID: user1, Name: "a", Email: address}))
	failure(t, err, fault.CloudRateLimited)
	if b.logs.Len() == 0 {
		t.Fatal("nothing was logged")
	}
	for _, secret := range []string{secretKey, secretToken, address, "token-1"} {
		if strings.Contains(b.logs.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}
