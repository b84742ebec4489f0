package sponsorship

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf16"
)

// MaxText is the longest address or label, in UTF-16 units: the cloud's columns
// are NVARCHAR(256) and a longer value fails the whole request (PROTOCOL.md 2.2).
const MaxText = 256

// CheckEmail says why an address must not reach the cloud, or nil.
//
// One blank or broken address makes the cloud answer 500 after it has inserted
// every row of the batch, and none of them is ever mailed (PROTOCOL.md 2.8). The
// bulk column is VARCHAR, so anything but ASCII would be garbled. The error
// never holds the address.
func CheckEmail(address string) error {
	switch {
	case strings.TrimSpace(address) == "":
		return errors.New("must be an e-mail address, not blank")
	case len(address) > MaxText:
		return fmt.Errorf("is %d characters long, at most %d are allowed", len(address), MaxText)
	case strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("must be printable ASCII without spaces: the cloud would garble anything else")
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address {
		return errors.New("is not a plain e-mail address such as name@example.com")
	}
	return nil
}

// CheckName says why a label must not reach the cloud, or nil. Empty is allowed.
func CheckName(name string) error {
	if n := len(utf16.Encode([]rune(name))); n > MaxText {
		return fmt.Errorf("is %d characters long, at most %d are allowed", n, MaxText)
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return errors.New("must not contain control characters")
	}
	return nil
}

// sameAddress compares addresses as the cloud does when an offer is redeemed:
// without regard to case (PROTOCOL.md 6.1).
func sameAddress(a, b string) bool { return strings.EqualFold(a, b) }
