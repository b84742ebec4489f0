package state_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// anyTime is none, whole milliseconds as our clock has them, or finer as the cloud's.
func anyTime() *rapid.Generator[time.Time] {
	return rapid.OneOf(
		rapid.Just(time.Time{}), rapid.Just(t0),
		rapid.Map(rapid.Int64Range(-1<<40, 1<<44), func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }),
		rapid.Map(rapid.Int64Range(0, 1<<60), func(ns int64) time.Time { return time.Unix(0, ns).UTC() }),
	)
}

func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{"", "a@b.cd", "A@b.cd", `"<&>\`, "=", "é "}), rapid.String())
}

func anyRecord() *rapid.Generator[sponsorship.Sponsorship] {
	return rapid.Custom(func(t *rapid.T) sponsorship.Sponsorship {
		is := func(what string) bool { return rapid.Bool().Draw(t, what) }
		at, text := func(what string) time.Time { return anyTime().Draw(t, what) }, func(what string) string { return anyText().Draw(t, what) }
		maybe := func(what string) *time.Time {
			if when := at(what); is(what + "?") {
				return &when
			}
			return nil
		}
		s := sponsorship.Sponsorship{
			OrganizationID: org, UserID: user(1), Email: text("email"), Name: text("name"), AdminInitiated: is("admin"), Vault: is("vault"),
			Status:   rapid.SampledFrom(append(sponsorship.Statuses(), "")).Draw(t, "status"),
			Intent:   rapid.SampledFrom([]sponsorship.Intent{"", sponsorship.IntentRevoke}).Draw(t, "intent"),
			Revision: rapid.Uint64().Draw(t, "revision"), LastSyncAt: maybe("synced"), ValidUntil: maybe("until"), UpdatedAt: at("updated"),
			JobID: rapid.OneOf(anyText(), rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}`)).Draw(t, "job"),
			Wire: sponsorship.Wire{
				Offered: text("offered"), Known: is("known"), Adopted: is("adopted"), Leaving: is("leaving"), Unconfirmed: is("unconfirmed"),
				AskedAt: at("asked"), Tombstoned: is("tombstoned"), Poison: is("poison"), Unsure: is("unsure"), Anew: is("anew"),
				HeldUntil: at("held"), Silences: rapid.Int().Draw(t, "silences"),
			},
			Unknown: rapid.SampledFrom([]string{"", `{"mark":[1,null],"wire":{"hold":"x"}}`}).Draw(t, "unknown"),
		}
		if is("reason") {
			s.Reason = &sponsorship.Reason{Code: fault.MailUncertain, Message: text("message")}
		}
		if is("same address") {
			s.Wire.Offered = s.Email
		}
		return s
	})
}

// Whatever a record says, both forms of it say the same, and the one becomes the other.
func TestARecordIsReadAsItWasStored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anyRecord().Draw(t, "record")
		text := func(row string, err error) string {
			if err != nil {
				t.Fatal(err)
			}
			return row
		}
		packed, plain := text(state.EncodeRow(s)), text(state.EncodePlain(s))
		for _, row := range []string{packed, plain} {
			if got, err := state.DecodeRow(org, user(1), row); err != nil || !reflect.DeepEqual(got, s) {
				t.Errorf("%s\nwas read as %+v (%v)\n      want %+v", row, got, err, s)
			}
		}
		if anew := text(state.Recoded(org, user(1), plain)); anew != packed {
			t.Errorf("%s\nwas stored anew as %s\n            want %s", plain, anew, packed)
		}
		if anew := text(state.Recoded(org, user(1), packed)); anew != "" {
			t.Errorf("%s\nwas stored anew as %s", packed, anew)
		}
	})
}
