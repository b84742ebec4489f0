package console

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// organizationCard is an organization as a person wants to see it.
type organizationCard struct {
	view.Organization
	Name     string // "" where it may not be read
	Token    string // what is known of the billing sync token
	Bar      bar
	Next     nextSync
	Problems []problem
}

// nextSync is when the next sync is, or why there is no date.
type nextSync struct {
	Words string
	At    *time.Time
}

// problem is something that failed, with what to do about it.
type problem struct {
	What    string
	Command string // that ends it, once somebody has looked; "" if there is none
	*view.Error
}

func card(o view.Organization) organizationCard {
	return organizationCard{
		Organization: o, Token: tokenWords(o), Bar: newBar(o.Counts), Next: next(o), Problems: problems(o),
	}
}

func tokenWords(o view.Organization) string {
	switch {
	case !o.Connected:
		return "Missing"
	case o.LastError != nil && o.LastError.Code == fault.BillingSyncTokenInvalid:
		return "Saved, but the cloud refused it"
	case o.FromVault:
		return "From the server's vault"
	}
	return "Saved"
}

// next follows the guide: once a day, once the first sync has been started by
// hand.
func next(o view.Organization) nextSync {
	switch e := o.LastError; {
	case e != nil && e.NextAttempt != nil:
		return nextSync{"Tries again", e.NextAttempt}
	case e != nil && e.Code.NeedsAdmin():
		return nextSync{"When the problem is solved and you start a sync", nil}
	case o.LastSyncAt == nil:
		return nextSync{"After the first one, which you start", nil}
	}
	return nextSync{"", o.NextSyncAt}
}

func problems(o view.Organization) []problem {
	var all []problem
	if !o.Connected {
		all = append(all, problem{What: "Not connected", Error: &view.Error{
			Code: fault.ConnectionMissing, Message: "no billing sync token is saved here", Hint: fault.ConnectionMissing.Hint()}})
	}
	if o.LastError != nil {
		all = append(all, problem{What: "The last sync failed", Error: o.LastError})
	}
	if o.LastLicenseError != nil {
		all = append(all, problem{What: "The last license sync failed; sponsorships are synced all the same", Error: o.LastLicenseError})
	}
	return append(all, bridgeProblems(o)...)
}

// bridgeProblems are what the bridge waits for a person to look at, each with the command that
// ends it.
func bridgeProblems(o view.Organization) (all []problem) {
	if o.Bridge == nil {
		return nil
	}
	if o.Bridge.Error != nil {
		all = append(all, problem{What: "The server's database could not be read", Error: o.Bridge.Error})
	}
	for _, h := range o.Bridge.Held {
		what := "The bridge is held"
		if h.OrganizationUserID != nil {
			what += " for member " + h.OrganizationUserID.String()
		}
		all = append(all, problem{What: what, Command: h.Command(o.OrganizationID), Error: &view.Error{
			Code: fault.Code(h.Reason), Message: "it waits for somebody to look", Hint: h.Hint, At: h.Since}})
	}
	return all
}

// row is a sponsorship as a person wants to see it.
type row struct {
	view.Sponsorship
	Member  vault.Person // empty where the server's database does not tell
	Address string       // of its page
	Word    string
	Until   *time.Time // follows the word: Expires 2 Jan 2027
	Details []string
}

func present(s view.Sponsorship, started bool) row {
	r := row{Sponsorship: s, Word: view.Word(s.Status)}
	if s.Status == sponsorship.Expiring && s.ValidUntil != nil {
		r.Word, r.Until = "Expires", s.ValidUntil
	}
	if s.Intent != nil {
		r.Details = append(r.Details, intentWords(*s.Intent))
		if !started && s.Reason == nil {
			r.Details = append(r.Details, "Waits for the first sync, which you start.")
		}
	}
	if s.Reason != nil {
		r.Details = append(r.Details, s.Reason.Message, s.Reason.Code.Hint())
	}
	if s.Status == sponsorship.Redeemed && s.ValidUntil != nil {
		r.Details = append(r.Details, "Valid until "+s.ValidUntil.UTC().Format("2 Jan 2006")+".")
	}
	if s.AdminInitiated {
		r.Details = append(r.Details, "Offered by an administrator.")
	}
	return r
}

func intentWords(i sponsorship.Intent) string {
	switch i {
	case sponsorship.IntentRedeem:
		return "The offer goes out with the next sync."
	case sponsorship.IntentChange:
		return "The change takes effect with the next sync."
	case sponsorship.IntentRevoke:
		return "It ends with the next sync."
	case sponsorship.IntentAdopt:
		return "Taken over from another program; the next sync asks the cloud about it."
	}
	return ""
}

// statusWord is the word for a status in a history, with what is waited for.
func statusWord(s sponsorship.Status, i *sponsorship.Intent) string {
	if s != sponsorship.Pending || i == nil {
		return view.Word(s)
	}
	return map[sponsorship.Intent]string{
		sponsorship.IntentRedeem: "Offered (awaiting sync)", sponsorship.IntentChange: "Changed (awaiting sync)",
		sponsorship.IntentRevoke: "Revoked (awaiting sync)", sponsorship.IntentAdopt: "Taken over (awaiting sync)",
	}[*i]
}
