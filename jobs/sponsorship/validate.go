package sponsorship

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// MaxText is the longest address or label, in UTF-16 units: the cloud's columns
// are NVARCHAR(256) and a longer value fails the whole request (PROTOCOL.md 2.2).
const MaxText = 256

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
