package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// jobLine is a job that was enqueued, as --json prints it: one object a line.
type jobLine struct {
	Line               int             `json:"line,omitempty"` // of the file
	ID                 string          `json:"id"`
	Kind               jobs.Kind       `json:"kind"`
	OrganizationID     sponsorship.ID  `json:"organizationId"`
	OrganizationUserID *sponsorship.ID `json:"organizationUserId"` // by which status knows it; null of a sync
	Outcome            *string         `json:"outcome"`            // null unless --wait saw it
	Error              *fault.Error    `json:"error"`              // why it failed or was refused; the code is empty if it was no fault
}

// jsonFlag is --json of a command whose result is one document.
func (a *app) jsonFlag(command *cobra.Command) {
	command.Flags().BoolVar(&a.asJSON, "json", false, "print one JSON document")
}

// result prints what a command has done.
func (a *app) result(document map[string]any, text string) error {
	if a.asJSON {
		return a.printJSON(document)
	}
	return a.print(text)
}

func lineOf(args jobs.Args, id string) jobLine {
	l := jobLine{ID: id, Kind: args.Kind(), OrganizationID: args.Organization()}
	if ordered, is := args.(jobs.Ordered); is {
		user := ordered.SponsorshipID()
		l.OrganizationUserID = &user
	}
	return l
}

// ended is the line of a job whose wait is over.
func (l jobLine) ended(v outcome) jobLine {
	if v.err == nil {
		l.Outcome = &v.text
		return l
	}
	if f, ok := errors.AsType[*fault.Error](v.err); ok {
		l.Error = f
		return l
	}
	l.Error = &fault.Error{Message: v.err.Error()}
	return l
}
