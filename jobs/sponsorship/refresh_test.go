package sponsorship_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestAnAnswerThatChangesOnlyDatesIsARefresh(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	end, other := now.AddDate(1, 0, 0), now.AddDate(2, 0, 0)
	before := sponsorship.Sponsorship{
		Email: "a@example.com", Status: sponsorship.Redeemed, Revision: 3, ValidUntil: &end,
		Wire: sponsorship.Wire{Offered: "a@example.com", Known: true},
	}
	answer := func(validUntil time.Time) sponsorship.Sponsorship {
		out, _ := sponsorship.Plan(before, now)
		return sponsorship.Apply(out, sponsorship.Answer{Present: true, ValidUntil: &validUntil}, now)
	}
	if after := answer(end); after.Revision == before.Revision || !sponsorship.Refreshed(before, after) {
		t.Errorf("the same once more is %+v, want a refresh", after)
	}
	if sponsorship.Refreshed(before, answer(other)) {
		t.Error("another end is no refresh")
	}
	sent := before
	sent.Status, sent.ValidUntil = sponsorship.Sent, nil
	if sponsorship.Refreshed(sent, answer(end)) {
		t.Error("a redemption is no refresh")
	}
}

func TestSyncedAtIsTheLaterOfTheRowsOwnAnswerAndTheFullSync(t *testing.T) {
	t.Parallel()
	early := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	late := early.Add(time.Hour)
	lost := &sponsorship.Reason{Code: fault.OfferRecreated}
	for name, tt := range map[string]struct {
		s    sponsorship.Sponsorship
		full *time.Time
		want *time.Time
	}{
		"covered by the full sync":         {sponsorship.Sponsorship{Status: sponsorship.Sent, LastSyncAt: &early}, &late, &late},
		"answered since":                   {sponsorship.Sponsorship{Status: sponsorship.Sent, LastSyncAt: &late}, &early, &late},
		"no full sync yet":                 {sponsorship.Sponsorship{Status: sponsorship.Redeemed, LastSyncAt: &early}, nil, &early},
		"never answered for":               {sponsorship.Sponsorship{Status: sponsorship.Refused}, &late, nil},
		"gone":                             {sponsorship.Sponsorship{Status: sponsorship.Removed, LastSyncAt: &early}, &late, &early},
		"waits for another answer":         {sponsorship.Sponsorship{Status: sponsorship.Pending, LastSyncAt: &early}, &late, &early},
		"left out until a person wants it": {sponsorship.Sponsorship{Status: sponsorship.Sent, LastSyncAt: &early, Reason: lost}, &late, &early},
	} {
		if got := tt.s.SyncedAt(tt.full); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
