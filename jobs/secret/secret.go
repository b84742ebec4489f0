// Package secret is what a value must be that nobody may read in a log, an error
// or an answer: a token, a key, an address with a password.
//
// The package never decides who may see a secret. It makes the places where one
// is revealed few, and easy to find: search for Reveal.
package secret

import (
	"fmt"
	"io"
	"strings"
)

const redacted = "[redacted]"

// Text is a text that shows itself only through Reveal. Every fmt verb and
// every encoder prints a placeholder instead; keep it in exported fields, for
// fmt cannot ask an unexported one.
type Text string

// Reveal returns the secret itself, for the one place that must send or use it.
func (s Text) Reveal() string { return string(s) }

// String returns a placeholder, or "" for an empty secret, so that a print
// still tells whether there is one.
func (s Text) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString returns what String does, quoted.
func (s Text) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText keeps the secret out of JSON and everything else that encodes text.
func (s Text) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Format covers the verbs that would bypass String, such as %d.
func (s Text) Format(f fmt.State, verb rune) { format(f, verb, s.String()) }

// Address is where a server is, possibly with a password. It prints without
// user, password and query, which is what a log line needs.
type Address string

// Reveal returns the address with its credentials, for the client that connects.
func (a Address) Reveal() string { return string(a) }

// String returns the address, or the comma-separated addresses, without credentials.
// All that precedes the last '@' of an address goes, even where it is malformed.
func (a Address) String() string {
	parts := strings.Split(string(a), "://")
	for i, part := range parts {
		part = part[strings.LastIndexByte(part, '@')+1:]
		parts[i], _, _ = strings.Cut(part, "?")
	}
	return strings.Join(parts, "://")
}

// GoString returns what String does, quoted.
func (a Address) GoString() string { return fmt.Sprintf("%q", a.String()) }

// MarshalText keeps the credentials out of JSON and everything else that encodes text.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Format covers the verbs that would bypass String, such as %d.
func (a Address) Format(f fmt.State, verb rune) { format(f, verb, a.String()) }

func format(f fmt.State, verb rune, shown string) {
	if verb == 'q' || (verb == 'v' && f.Flag('#')) {
		shown = fmt.Sprintf("%q", shown)
	}
	_, _ = io.WriteString(f, shown)
}
