package sponsorship

import (
	"errors"
	"fmt"
	"strings"
)

const (
	maxLocal = 64 // of the part before the @
	maxLabel = 63 // of each name between the dots of a domain
)

var errNotAnAddress = errors.New("is not a plain e-mail address such as name@example.com")

// CheckEmail says why an address must not reach the cloud, or nil: it takes a
// dot-atom, an @ and a domain of letters, digits and hyphens that has a dot.
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
	local, domain, found := strings.Cut(address, "@")
	switch {
	case !found || !isDotAtom(local) || !isDomain(domain):
		return errNotAnAddress
	case len(local) > maxLocal:
		return fmt.Errorf("has %d characters before the @, at most %d are allowed", len(local), maxLocal)
	case !strings.Contains(domain, "."):
		return errors.New("needs a domain with a dot, such as example.com")
	}
	return nil
}

// isDotAtom: words of letters, digits and a few signs, with single dots between.
func isDotAtom(text string) bool {
	for word := range strings.SplitSeq(text, ".") {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool {
			return !isLetterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
		}) {
			return false
		}
	}
	return true
}

// isDomain: labels of letters, digits and inner hyphens, with single dots between.
func isDomain(text string) bool {
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool { return !isLetterOrDigit(r) && r != '-' }) {
			return false
		}
	}
	return true
}

func isLetterOrDigit(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// SameAddress compares addresses as the cloud does when an offer is redeemed:
// without regard to case (PROTOCOL.md 6.1).
func SameAddress(a, b string) bool { return strings.EqualFold(a, b) }
