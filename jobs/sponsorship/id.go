package sponsorship

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
)

// ID is a UUID in the hyphenated, lower-case form, the only one that the cloud
// reads (PROTOCOL.md 2.2).
type ID string

// ParseID accepts a hyphenated UUID in either case.
func ParseID(s string) (ID, error) {
	id := ID(strings.ToLower(s))
	if !id.Valid() {
		return "", fmt.Errorf("%q is not a UUID (want 8-4-4-4-12 hexadecimal digits)", shorten(s))
	}
	return id, nil
}

// UnmarshalText folds the case, so that one organization never has two keys. It
// does not validate: the caller reports the field by name.
func (id *ID) UnmarshalText(text []byte) error {
	*id = ID(strings.ToLower(string(text)))
	return nil
}

// String returns the id itself.
func (id ID) String() string { return string(id) }

// Valid reports whether the id has the form of a UUID.
func (id ID) Valid() bool {
	if len(id) != 36 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// AdminKey is the wire key of an admin-initiated sponsorship: the UUIDv5 of the
// address in lower case in the name space of the admin's organization user.
//
// The cloud's only key is the organization-user id, and two rows with one key
// poison an organization on both sides (PROTOCOL.md 2.6), so an admin's many
// sponsorships must not share the admin's own.
func AdminKey(admin ID, address string) ID {
	space, err := hex.DecodeString(strings.ReplaceAll(string(admin), "-", ""))
	if err != nil {
		return ""
	}
	sum := sha1.Sum(append(space, strings.ToLower(address)...))
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x50
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b)
	return ID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
