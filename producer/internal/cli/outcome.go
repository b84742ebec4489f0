package cli

import (
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// target is a sponsorship that is waited for.
type target struct {
	org, id sponsorship.ID
	change  bool // a redeem does not care why an earlier change was refused
	line    int  // in the file that it came from

	job string // whose effect is waited for
}

// organization is the ledger's, and when its last failure was before the wait
// began (zero for none).
type organization struct {
	state.Organization
	before time.Time
}

// outcome is what a look at a sponsorship tells the person who waits.
type outcome struct {
	state outcomeState
	text  string // for the person; of a wait, why it goes on
	err   error  // of a failure
}

type outcomeState int

const (
	waiting outcomeState = iota
	settled
	unstarted // nothing is sent before a first sync: there is nothing to wait for
	failed
)

// pausedText is said while a wait lasts because a person has stopped sending.
const pausedText = "sending is paused: nothing leaves until 'producer resume'; the wait goes on"

// outcomeOf decides whether the wait for a sponsorship is over.
func outcomeOf(t target, s sponsorship.Sponsorship, org organization) outcome {
	switch {
	case s.Status != sponsorship.Pending:
		return settledOutcome(t, s)
	case s.Reason != nil && s.Reason.Code != fault.CloudUnavailable && !s.Due():
		return failure(&fault.Error{Code: s.Reason.Code, Message: s.Reason.Message})
	case !org.Started:
		return outcome{state: unstarted, text: firstStep(org.Organization)}
	case org.Paused != "":
		return failure(fmt.Errorf("syncs of the organization wait until somebody acts: %w", pauseFault(org)))
	case org.Stopped:
		return outcome{text: pausedText}
	case org.LastError != nil && org.forGood():
		return failure(&org.LastError.Error)
	case s.Reason != nil: // it is tried again, and says when
		return outcome{text: s.Reason.Message}
	case org.LastError == nil:
		return outcome{}
	}
	return outcome{text: stillTrying(org.Organization)}
}

// forGood reports whether the last failure is one that no waiting ends.
func (o organization) forGood() bool {
	code := o.LastError.Code // only Bitwarden's support can mend damaged records
	return code == fault.CloudRecordsDamaged || code == fault.CloudCommunicationDisabled && !o.LastError.At.Equal(o.before)
}

func settledOutcome(t target, s sponsorship.Sponsorship) outcome {
	unchanged := t.change && s.Reason != nil && s.Reason.Code == fault.AlreadyRedeemed
	if s.Reason != nil && (s.Status == sponsorship.Refused || unchanged) {
		return failure(&fault.Error{Code: s.Reason.Code, Message: s.Reason.Message})
	}
	if s.Status == sponsorship.Refused {
		return failure(fault.New(fault.NotAccepted, "the cloud did not accept the sponsorship"))
	}
	if s.Status == sponsorship.Sent && s.Reason == nil && s.JobID != "" && s.JobID != t.job {
		return outcome{state: settled, text: "sent: another job had asked for it, and nobody is mailed twice"}
	}
	return outcome{state: settled, text: settledText(s)}
}

func failure(err error) outcome { return outcome{state: failed, text: err.Error(), err: err} }

func pauseFault(org organization) *fault.Error {
	if org.LastError != nil && org.LastError.Code == org.Paused {
		return &org.LastError.Error
	}
	return fault.New(org.Paused, "the last sync failed")
}

// firstStep says what has to be done by hand before anything is sent.
func firstStep(org state.Organization) string {
	if org.Connected {
		return fmt.Sprintf("waiting for a first sync: run 'producer sync --org %s%s'", org.ID, officialJobFlag(org.FromVault))
	}
	return fmt.Sprintf("waiting for a connection and a first sync: run 'producer connect --org %[1]s --cloud-org CLOUDORG', then 'producer sync --org %[1]s'", org.ID)
}

// officialJobFlag is what a first sync needs where the connection came from the vault.
func officialJobFlag(fromVault bool) string {
	if fromVault {
		return " --official-job-off"
	}
	return ""
}

func stillTrying(org state.Organization) string {
	next := ""
	if org.RetryAt != nil {
		next = ", next attempt " + clock(*org.RetryAt)
	}
	return fmt.Sprintf("the last sync failed%s: %s", next, faultText(&org.LastError.Error))
}

// settledText says what a settled sponsorship is.
func settledText(s sponsorship.Sponsorship) string {
	switch s.Status {
	case sponsorship.Sent:
		if s.Reason != nil {
			return "sent, but " + faultText(&fault.Error{Code: s.Reason.Code, Message: s.Reason.Message})
		}
		return "sent: the cloud has it, and mails an offer that is new there"
	case sponsorship.Redeemed:
		return "active: the recipient has accepted the offer" + dated("; valid until ", s.ValidUntil)
	case sponsorship.Expiring:
		return "revoked: it stays in use to the end of its term" + dated(", ", s.ValidUntil)
	case sponsorship.Removed:
		return "removed: it is gone on both sides"
	case sponsorship.Expired:
		return "expired: its term is long over"
	}
	return "there is no such sponsorship"
}

// dated is the prefix and the day, or nothing without one.
func dated(prefix string, at *time.Time) string {
	if at == nil {
		return ""
	}
	return prefix + day(*at)
}
