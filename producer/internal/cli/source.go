package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// source is a file of jobs, and whose the rows are that do not say so.
type source struct {
	sheet sheet
	file  string // - is standard input
	org   sponsorship.ID

	ignoreColumns bool // that mean nothing here
}

// mostFaults is how many wrong lines are named; more scroll the first away.
const mostFaults = 20

// readRows reads a file as a whole before anything is done about it.
func (a *app) readRows(ctx context.Context, from source) ([]row, error) {
	return jobs.Await(ctx, func() ([]row, error) {
		if from.file == "-" {
			return from.read(a.Stdin, "standard input")
		}
		file, err := os.Open(from.file)
		if err != nil {
			return nil, &boot.UsageError{Faults: []string{"--file: " + err.Error()}, Hint: "give a file that this user may read, or - for standard input"}
		}
		defer func() { _ = file.Close() }()
		return from.read(file, from.file)
	})
}

func (from source) read(in io.Reader, name string) ([]row, error) {
	text, err := decodeText(in)
	var rows []row
	if err == nil {
		rows, err = from.parseRows(text)
	}
	var bad lineFaults
	switch {
	case errors.As(err, &bad):
		return nil, &boot.UsageError{Faults: bad.in(name, mostFaults), Hint: "nothing was enqueued; correct these lines and run it again"}
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case len(rows) == 0:
		return nil, &boot.UsageError{Faults: []string{name + " has no rows"}, Hint: "see 'producer " + from.sheet.command + " --help' for what a file looks like"}
	}
	return rows, nil
}
