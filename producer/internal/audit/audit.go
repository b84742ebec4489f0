// Package audit writes who changed what, over HTTP, on the status page or in the server's
// own vault, as one log line each: the message is "audit".
//
// A line names the token, the session or the bridge, organization, member and job or row,
// and never holds an address, a label or a secret.
package audit

import (
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Deed is one change. What does not apply is left empty.
type Deed struct {
	Action       string // such as "revoke", "connect" or "delete job"
	Organization sponsorship.ID
	User         sponsorship.ID // the ledger key
	Job          string         // that carries it out, or that it is about
	Jobs         int            // of a request with many, of which Job is the first

	// Of a row of the vault: its id, what was set, as the server calls it, and what came of it.
	Row     string
	Columns []string
	Outcome string
}

// Asked is the deed of having enqueued a job.
func Asked(args jobs.Args, job string) Deed {
	d := Deed{Action: string(args.Kind()), Organization: args.Organization(), Job: job}
	if ordered, is := args.(jobs.Ordered); is {
		d.User = ordered.SponsorshipID()
	}
	if change, is := args.(jobs.ChangeSponsorship); is && change.Revoke {
		d.Action = "revoke"
	} else if is && change.Resend {
		d.Action = "resend"
	}
	return d
}

// Note writes the line. Who is what package access calls the caller.
func Note(log zerolog.Logger, who string, d Deed) {
	line := log.Info().Str("who", who).Str("action", d.Action)
	for _, f := range [][2]string{{"organization", string(d.Organization)}, {"user", string(d.User)}, {"job", d.Job}} {
		if f[1] != "" {
			line = line.Str(f[0], f[1])
		}
	}
	if d.Jobs > 1 {
		line = line.Int("jobs", d.Jobs)
	}
	if d.Row != "" {
		line = line.Str("row", d.Row).Strs("columns", d.Columns).Str("outcome", d.Outcome)
	}
	line.Msg("audit")
}
