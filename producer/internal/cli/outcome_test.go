package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestOutcomeOf(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	reason := func(code fault.Code) *sponsorship.Reason {
		return &sponsorship.Reason{Code: code, Message: "m"}
	}
	failedWith := func(code fault.Code) *state.Failure { return &state.Failure{Error: *fault.New(code, "m"), At: at} }
	pending := sponsorship.Sponsorship{Status: sponsorship.Pending, Intent: sponsorship.IntentRedeem}
	started := state.Organization{Started: true, Connected: true}
	trying, paused, off := started, started, started
	trying.LastError, trying.RetryAt = failedWith(fault.CloudUnavailable), &at
	paused.LastError, paused.Paused = failedWith(fault.InstallationRejected), fault.InstallationRejected
	off.LastError = failedWith(fault.CloudCommunicationDisabled)
	damaged := trying
	damaged.LastError = failedWith(fault.CloudRecordsDamaged)

	for name, test := range map[string]struct {
		row    sponsorship.Sponsorship
		org    state.Organization
		before time.Time
		change bool
		state  outcomeState
		code   fault.Code
		says   string
	}{
		"nothing has happened":        {row: pending, org: started, state: waiting},
		"no first sync":               {row: pending, org: state.Organization{}, state: unstarted},
		"tried and left out":          {row: sponsorship.Sponsorship{Status: sponsorship.Pending, Reason: reason(fault.NotAccepted)}, org: started, state: failed, code: fault.NotAccepted},
		"held until a request ended":  {row: sponsorship.Sponsorship{Status: sponsorship.Pending, Reason: reason(fault.CloudUnavailable)}, org: trying, state: waiting, says: "m"},
		"held, and somebody must act": {row: sponsorship.Sponsorship{Status: sponsorship.Pending, Reason: reason(fault.CloudUnavailable)}, org: paused, state: failed, code: fault.InstallationRejected},
		"the cloud is away":           {row: pending, org: trying, state: waiting},
		"the cloud is damaged":        {row: pending, org: damaged, state: failed, code: fault.CloudRecordsDamaged},
		"somebody must act":           {row: pending, org: paused, state: failed, code: fault.InstallationRejected},
		"just found switched off":     {row: pending, org: off, state: failed, code: fault.CloudCommunicationDisabled},
		"was once switched off":       {row: pending, org: off, before: at, state: waiting},
		"sent in spite of all":        {row: sponsorship.Sponsorship{Status: sponsorship.Sent}, org: paused, state: settled},
		"sent, as asked before":       {row: sponsorship.Sponsorship{Status: sponsorship.Sent, JobID: "before"}, org: started, state: settled, says: "another job had asked for it, and nobody is mailed twice"},
		"sent, perhaps not mailed":    {row: sponsorship.Sponsorship{Status: sponsorship.Sent, Reason: reason(fault.MailUncertain)}, org: started, state: settled, says: "mail_uncertain"},
		"refused":                     {row: sponsorship.Sponsorship{Status: sponsorship.Refused, Reason: reason(fault.NotAccepted)}, org: started, state: failed, code: fault.NotAccepted},
		"revoked":                     {row: sponsorship.Sponsorship{Status: sponsorship.Expiring}, org: started, change: true, state: settled},
		"removed":                     {row: sponsorship.Sponsorship{Status: sponsorship.Removed}, org: started, change: true, state: settled},
		"change lost to redemption":   {row: sponsorship.Sponsorship{Status: sponsorship.Redeemed, Reason: reason(fault.AlreadyRedeemed)}, org: started, change: true, state: failed, code: fault.AlreadyRedeemed},
		"redeem after such a change":  {row: sponsorship.Sponsorship{Status: sponsorship.Redeemed, Reason: reason(fault.AlreadyRedeemed)}, org: started, state: settled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := outcomeOf(target{change: test.change}, test.row, organization{test.org, test.before})
			if got.state != test.state || fault.CodeOf(got.err) != test.code {
				t.Errorf("outcomeOf = %+v, want state %d, code %q", got, test.state, test.code)
			}
			if !strings.Contains(got.text, test.says) {
				t.Errorf("says %q, want %q in it", got.text, test.says)
			}
			if (got.state == failed) != (got.err != nil) || got.state == settled && got.text == "" {
				t.Errorf("outcome contradicts itself: %+v", got)
			}
		})
	}
}
