package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// The exit statuses of all our programs.
const (
	Done   = 0
	Failed = 1
	Usage  = 2 // wrong usage or configuration
	Waited = 3 // a wait reached its limit; what was waited for goes on

	Interrupted = 130 // by Ctrl-C or SIGTERM, with something left undone
)

// ErrTimedOut is how a wait ends that has reached its limit.
var ErrTimedOut = errors.New("the wait has reached its limit")

// UsageError is wrong usage: every fault that was found, and what to do.
type UsageError struct {
	Faults []string
	Hint   string
}

// Error returns the faults in one line.
func (e *UsageError) Error() string { return strings.Join(e.Faults, "; ") }

// Status is the exit status of a program that ends with err.
func Status(err error) int {
	var usage *UsageError
	var settings *config.Error
	switch {
	case err == nil:
		return Done
	case errors.As(err, &usage), errors.As(err, &settings):
		return Usage
	case errors.Is(err, ErrTimedOut):
		return Waited
	}
	return Failed
}

// Explain says what failed and what to do about it, a line each.
func Explain(err error) (faults, hints []string) {
	var usage *UsageError
	var settings *config.Error
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &usage):
		return usage.Faults, []string{usage.Hint}
	case errors.As(err, &settings):
		for _, f := range settings.Faults {
			faults = append(faults, f.String())
		}
		if !slices.ContainsFunc(settings.Faults, func(f config.Fault) bool { return !f.EnvFile }) {
			return faults, []string{"correct the env file, or its name after --env-file"}
		}
		return faults, []string{"set these in the environment or in an --env-file; the README and 'producer help environment' list all"}
	case hintOf(err) != "":
		return []string{err.Error()}, []string{hintOf(err)}
	case errors.Is(err, context.Canceled):
		return []string{"interrupted"}, nil
	}
	return []string{err.Error()}, nil
}

func hintOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Hint()
	}
	return ""
}

// Report prints what [Explain] says.
func Report(w io.Writer, err error) {
	faults, hints := Explain(err)
	for _, text := range faults {
		_, _ = fmt.Fprintf(w, "error: %s\n", printable.Clean(text))
	}
	for _, text := range hints {
		_, _ = fmt.Fprintf(w, "hint: %s\n", printable.Clean(text))
	}
}
