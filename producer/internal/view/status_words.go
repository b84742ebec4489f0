package view

import "github.com/sponsorsync/sponsorsync/jobs/sponsorship"

// Word is how a self-hosted user knows a status, without its date or intent;
// the README's table has them all.
func Word(s sponsorship.Status) string {
	switch s {
	case sponsorship.Pending:
		return "Awaiting sync"
	case sponsorship.Sent:
		return "Sent"
	case sponsorship.Redeemed:
		return "Active"
	case sponsorship.Expiring:
		return "Expiring"
	case sponsorship.Removed:
		return "Removed"
	case sponsorship.Refused:
		return "Refused"
	case sponsorship.Expired:
		return "Expired"
	}
	return string(s)
}
