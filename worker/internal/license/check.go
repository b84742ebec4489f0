package license

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// CheckerParams are what a [Checker] goes by. Now is required.
type CheckerParams struct {
	InstallationID sponsorship.ID // this server's; without one no license is for it
	Key            *rsa.PublicKey // from LoadCertificate; nil leaves signatures unchecked
	Now            func() time.Time
}

// Checker decides whether a license is acceptable here.
type Checker struct{ p CheckerParams }

// NewChecker returns an error when the clock is missing.
func NewChecker(p CheckerParams) (*Checker, error) {
	if p.Now == nil {
		return nil, errors.New("make license checker: a clock is needed")
	}
	return &Checker{p}, nil
}

// Check reads a license and refuses, with a [fault.Error], what the official
// server would refuse (PROTOCOL.md 4.3) and what was not issued for this
// installation and cloud organization.
func (c *Checker) Check(raw json.RawMessage, cloudOrganization sponsorship.ID) (Document, error) {
	d, err := Parse(raw)
	if err != nil {
		return d, err
	}
	if v := d.Version; v < oldestVersion || v > newestVersion {
		return d, fault.New(fault.UnsupportedVersion,
			"license version %d is not supported (only %d to %d are): update the server, then upload the license again", v, oldestVersion, newestVersion)
	}
	reasons := append(d.head.misfits(c.p.InstallationID, cloudOrganization), c.lifetime(d)...)
	if len(reasons) > 0 {
		return d, rejected("%s", strings.Join(reasons, "; "))
	}
	return d, c.authentic(d)
}

// misfits lists why a license, true or not, is none for this installation and
// organization.
func (h header) misfits(installation, organization sponsorship.ID) []string {
	var reasons []string
	refuse := func(bad bool, reason string) {
		if bad {
			reasons = append(reasons, reason)
		}
	}
	refuse(h.InstallationID != sponsorship.ID(strings.ToLower(string(installation))), "it is for another installation id than globalSettings__installation__id")
	refuse(h.ID != organization, "it is for another organization than the connection's cloud organization id")
	refuse(!h.Enabled, "the cloud organization is disabled")
	refuse(!h.SelfHost, "its plan does not allow self-hosting")
	refuse(h.LicenseType != nil && *h.LicenseType != typeOrganization, "it is a premium license of a user, not of an organization")
	return reasons
}

// lifetime goes by the dates of the document only if it has no token: a token
// has its own, and they are what the official server goes by (PROTOCOL.md 4.3).
func (c *Checker) lifetime(d Document) []string {
	now := c.p.Now()
	switch issued, expires := d.head.Issued, d.head.Expires; {
	case d.hasToken():
		return nil
	case issued == nil:
		return []string{"it does not say when it was issued"}
	case issued.After(now):
		return []string{fmt.Sprintf("it is issued for %s, which is in the future: check this server's clock", issued.Format(time.RFC3339))}
	case expires != nil && expires.Before(now):
		return []string{fmt.Sprintf("it expired at %s", expires.Format(time.RFC3339))}
	}
	return nil
}

func (c *Checker) authentic(d Document) error {
	switch {
	case d.hasToken():
		return c.checkToken(d)
	case c.p.Key == nil:
		return nil
	}
	return checkSignature(d, c.p.Key)
}
