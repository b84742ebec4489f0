// Package license is the license sync: what makes a license acceptable here,
// whether its signature is the cloud's, how it is written so that the official
// server finds and understands it, and the job that does all of it ([Syncer]).
//
// A refused license is always a [fault.Error] that lists every reason. The
// package never fetches a license unless a job asks for it, never changes a
// value of the document, and never repeats a license key in an error.
package license

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/netdate"
)

// The versions that the official server accepts (PROTOCOL.md 4.3).
const (
	oldestVersion = 1
	newestVersion = 16
)

// typeOrganization is licenseType of an organization's license; 0 is a user's.
const typeOrganization = 1

// Document is a license that was read. It keeps all fields, in their order and
// byte for byte, also those that mean nothing here.
type Document struct {
	Version int
	Expires *time.Time // nil: never

	head   header
	fields fields
}

// header holds the fields that decide whether a license is accepted.
type header struct {
	Version        int
	ID             sponsorship.ID
	InstallationID sponsorship.ID
	Enabled        bool
	SelfHost       bool
	LicenseType    *int
	Issued         *netdate.Date
	Expires        *netdate.Date
	Token          string
	Hash           string
	Signature      string
}

// Parse reads the cloud's camelCase JSON, or the PascalCase of a license file.
func Parse(raw json.RawMessage) (Document, error) {
	all, err := readFields(raw)
	if err != nil {
		return Document{}, rejected("it cannot be read: %s", err)
	}
	d := Document{fields: all}
	if err := json.Unmarshal(raw, &d.head); err != nil {
		return Document{}, rejected("it cannot be read: %s", unreadable(err))
	}
	d.Version, d.Expires = d.head.Version, d.head.Expires.Pointer()
	return d, nil
}

// hasToken: then the token rules, and the older signature is not looked at
// (PROTOCOL.md 4.2).
func (d Document) hasToken() bool { return strings.TrimSpace(d.head.Token) != "" }

func rejected(format string, args ...any) *fault.Error {
	return fault.New(fault.LicenseRejected, "the license was refused: "+format, args...)
}
