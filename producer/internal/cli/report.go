package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// withHint adds what to do to an error that has no fault code.
type withHint struct {
	error
	hint string
}

func (e *withHint) Unwrap() error { return e.error }

func helpHint(command *cobra.Command) string {
	return fmt.Sprintf("run '%s --help'", command.CommandPath())
}

// report says what failed and what to do, a line each.
func (a *app) report(err error) {
	faults, hints := explain(err)
	for _, text := range faults {
		a.note("error: %s", text)
	}
	for _, text := range hints {
		a.note("hint: %s", text)
	}
}

// explain adds the errors that only commands have.
func explain(err error) (faults, hints []string) {
	var rows *rowErrors
	var hinted *withHint
	switch {
	case errors.As(err, &rows):
		return rows.faults(), rows.hints()
	case errors.As(err, &hinted):
		return strings.Split(err.Error(), "\n"), []string{hinted.hint}
	}
	return boot.Explain(err)
}

// flagNames are the flags in whose place a job names its fields. Read-only.
var flagNames = map[string]string{
	"organizationId":     "--org",
	"organizationUserId": "--user",
	"sponsoredEmail":     "--email",
	"friendlyName":       "--name",
}

// flagFaults validates a job's arguments and says what is wrong in the words of
// the flags they came from.
func flagFaults(args jobs.Args) []string {
	return fieldFaults(args.Validate(), func(field string) string {
		if flag := flagNames[field]; flag != "" {
			return flag
		}
		return field
	})
}

func fieldFaults(err error, rename func(field string) string) []string {
	if err == nil {
		return nil
	}
	fields, ok := errors.AsType[jobs.FieldErrors](err)
	if !ok {
		return []string{err.Error()}
	}
	faults := make([]string, len(fields))
	for i, f := range fields {
		faults[i] = rename(f.Field) + " " + f.Message
	}
	return faults
}

// usage returns a boot.UsageError, or nil if there is no fault.
func usage(command *cobra.Command, faults ...string) error {
	if len(faults) == 0 {
		return nil
	}
	return &boot.UsageError{Faults: faults, Hint: helpHint(command)}
}

// faultText leaves out the colon of a fault without a code: queues keep only
// text, and not every text was a fault.
func faultText(f *fault.Error) string {
	switch {
	case f == nil:
		return ""
	case f.Code == "":
		return printable.Line(f.Message)
	}
	return printable.Line(f.Error())
}

// codeHints are the hints of codes, each once, marked with the code.
func codeHints(codes []fault.Code) []string {
	slices.Sort(codes)
	var hints []string
	for _, code := range slices.Compact(codes) {
		if hint := code.Hint(); hint != "" {
			hints = append(hints, string(code)+": "+hint)
		}
	}
	return hints
}
