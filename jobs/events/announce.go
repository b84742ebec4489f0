package events

import "github.com/sponsorsync/sponsorsync/jobs/sponsorship"

// Announce encodes the event that tells the world of a change from before to
// after, or returns false when there is nothing to tell: dates and labels alone
// are no news.
func Announce(before, after sponsorship.Sponsorship) (Encoded, bool, error) {
	t := sponsorship.Compare(before, after)
	if !t.Changed {
		return Encoded{}, false, nil
	}
	job := after.JobID
	if job == before.JobID { // it was asked for earlier; this is what a sync found out
		job = ""
	}
	encoded, err := NewSponsorship(Sponsorship{
		OrganizationID: after.OrganizationID, OrganizationUserID: after.UserID,
		From: t.From, To: t.To, Intent: t.Intent, Revision: after.Revision,
		ValidUntil: after.ValidUntil, LastSyncAt: after.LastSyncAt, Reason: after.Reason, JobID: job,
	}, after.UpdatedAt)
	return encoded, err == nil, err
}
