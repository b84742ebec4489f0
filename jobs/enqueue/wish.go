package enqueue

import "github.com/sponsorsync/sponsorsync/jobs"

// wish says in words what a job asks for, without address and label. Where the
// arguments are not kept, or cannot be read, the kind has to do.
func wish(kind jobs.Kind, args jobs.Args) string {
	switch a := args.(type) {
	case jobs.Redeem:
		if a.AdminInitiated {
			return "redeem by an admin"
		}
	case jobs.ChangeSponsorship:
		return changeWish(a)
	case jobs.Adopt:
		if a.Revoke {
			return "take over and revoke"
		}
	}
	switch kind {
	case jobs.KindChangeSponsorship:
		return "change"
	case jobs.KindSyncLicense:
		return "sync license"
	case jobs.KindAdopt:
		return "take over"
	case jobs.KindSyncPending, jobs.KindSyncLeft, jobs.KindSyncScheduled:
		return "sync"
	}
	return string(kind)
}

func changeWish(a jobs.ChangeSponsorship) string {
	switch {
	case a.Revoke:
		return "revoke"
	case a.Resend:
		return "resend"
	case a.SponsoredEmail != "" && a.FriendlyName != "":
		return "change address and name"
	case a.SponsoredEmail != "":
		return "change address"
	}
	return "change name"
}

// asked fills in whom a job is about and what it asks for, as far as its arguments
// can be read: of others nobody knows what they hold.
func (s Status) asked(payload []byte) Status {
	args, err := jobs.Decode(s.Kind, payload)
	if err != nil {
		s.Wish = wish(s.Kind, nil)
		return s
	}
	s.Wish = wish(s.Kind, args)
	if s.Organization == "" {
		s.Organization = args.Organization()
	}
	if ordered, is := args.(jobs.Ordered); is && s.User == "" {
		s.User = ordered.SponsorshipID()
	}
	return s
}
