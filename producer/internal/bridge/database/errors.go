package database

import (
	"context"
	"errors"
	"strings"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// problem is an error that we found ourselves, with its code.
type problem struct {
	code    fault.Code
	message string
}

func (p *problem) Error() string { return p.message }

// explained turns an error of a driver into a fault that says what was tried, on
// what, why it failed and what to do. Nothing that the caller canceled is a fault.
func (d *Database) explained(ctx context.Context, err error, doing string) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return cause
	}
	if known, ok := errors.AsType[*problem](err); ok {
		return fault.New(known.code, "%s: %s", d.target, known.message)
	}
	code := fault.BridgeDatabaseUnavailable
	switch d.dialect.explain(err) {
	case noColumn, noGrant, noSuch:
		code = fault.BridgeSchemaUnknown
		d.known = nil // the server was updated, or a grant given or taken
	}
	return fault.Wrap(code, err, "%s of %s: %s", doing, d.target, redact(d.target, err))
}

// redact returns an error's text. No driver puts the password there; should one
// begin to, it is not shown.
func redact(t connstring.Target, err error) string {
	text := err.Error()
	if password := t.Password.Reveal(); password != "" {
		text = strings.ReplaceAll(text, password, "[redacted]")
	}
	return text
}
