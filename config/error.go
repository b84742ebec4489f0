package config

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// Fault is one thing that is wrong: with a variable, or with an env file.
type Fault struct {
	Name    string // the variable as it was set (with _FILE if that form was used), or the env file
	Message string // what was given, unless it is secret, and what is expected
	EnvFile bool   // Name is an env file's, not a variable's
}

// String returns the fault as one line.
func (f Fault) String() string { return f.Name + ": " + f.Message }

// Error holds all faults that were found, so that nobody has to start a
// program five times to correct five settings. Programs end with status 2 on it.
type Error struct {
	Faults []Fault // sorted by name
}

// Error returns one line per fault.
func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// asError returns nil for no faults. The sort is stable: the faults of one env
// file stay in the order of its lines.
func asError(faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.Name, b.Name) })
	return &Error{Faults: faults}
}

// reason strips the operation and the path from a file error: the fault names them already.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}
