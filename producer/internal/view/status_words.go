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

// Meaning says what a status means.
func Meaning(s sponsorship.Status) string {
	switch s {
	case sponsorship.Pending:
		return "Accepted here; the cloud has not answered for it yet."
	case sponsorship.Sent:
		return "The cloud has the offer. The recipient has not accepted it yet, as far as the last sync knows."
	case sponsorship.Redeemed:
		return "The recipient has accepted: the cloud reports until when it is valid."
	case sponsorship.Expiring:
		return "Revoked after it was accepted: it stays in use to the end of its term."
	case sponsorship.Removed:
		return "Gone on both sides."
	case sponsorship.Refused:
		return "New, and the cloud left it out of its answer: nothing was offered."
	case sponsorship.Expired:
		return "Its term ended more than 30 days ago, and it is not sent any more."
	}
	return ""
}

// Advice says what to do about a status next.
func Advice(s sponsorship.Status) string {
	switch s {
	case sponsorship.Pending:
		return "Wait for the next sync. If it stays, look at what the organization's last sync says."
	case sponsorship.Sent:
		return "The recipient follows the link in the e-mail from Bitwarden. If no e-mail came, offer it again."
	case sponsorship.Redeemed:
		return "Nothing. To sponsor somebody else, revoke it first."
	case sponsorship.Expiring:
		return "Nothing. The member can offer again when it is removed."
	case sponsorship.Removed, sponsorship.Expired:
		return "Nothing. The member can offer again."
	case sponsorship.Refused:
		return "Check that the cloud organization is on an Enterprise plan, and the address. It is offered again with every full sync."
	}
	return ""
}
