package cli

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// never is what the guide's field Last sync says before the first one.
const never = "Never"

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func clockOr(t *time.Time, otherwise string) string {
	if t == nil {
		return otherwise
	}
	return clock(*t)
}

// statusWords says a status as users of a self-hosted server know it, with what
// is only known of one sponsorship: the words alone are package view's.
func statusWords(s view.Sponsorship) string {
	switch s.Status {
	case sponsorship.Pending:
		return pendingWords(s.Intent)
	case sponsorship.Expiring:
		if s.ValidUntil != nil {
			return "Expires " + day(*s.ValidUntil)
		}
		return "Expires"
	}
	return view.Word(s.Status)
}

func pendingWords(intent *sponsorship.Intent) string {
	if intent == nil {
		return "Awaiting sync"
	}
	switch *intent {
	case sponsorship.IntentChange:
		return "Changed (awaiting sync)"
	case sponsorship.IntentRevoke:
		return "Removed (awaiting sync)"
	case sponsorship.IntentAdopt:
		return "Taken over (awaiting sync)"
	}
	return "Awaiting sync"
}
