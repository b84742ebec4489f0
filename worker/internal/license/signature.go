package license

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/netdate"
)

// signedFields are what the property signature covers in versions 15 and 16, in
// the original's order, which is a language's and not that of the bytes
// (PROTOCOL.md 4.2, form B).
var signedFields = []string{
	"AllowAdminAccessToAllCollectionItems", "BillingEmail", "BusinessName", "Enabled",
	"ExpirationWithoutGracePeriod", "Expires", "Hash", "Id", "InstallationId", "Issued", "LicenseKey",
	"LimitCollectionCreationDeletion", "MaxCollections", "MaxStorageGb", "Name", "Plan", "PlanType", "Refresh",
	"Seats", "SelfHost", "SmSeats", "SmServiceAccounts", "Trial", "Use2fa", "UseApi", "UseCustomPermissions",
	"UseDirectory", "UseEvents", "UseGroups", "UseKeyConnector", "UsePasswordManager", "UsePolicies",
	"UseResetPassword", "UsersGetPremium", "UseScim", "UseSecretsManager", "UseSso", "UseTotp", "Version",
}

// unhashed are the fields that the hash, unlike the signature, leaves out.
var unhashed = []string{"Hash", "Issued", "Refresh"}

// oldestSigned is the first version with signedFields; earlier lists differ, and
// the cloud has not issued such licenses for years.
const oldestSigned = 15

var signedDates = []string{"Expires", "ExpirationWithoutGracePeriod", "Issued", "Refresh"}

// legacyPlans are the plan numbers that are signed by name.
var legacyPlans = []string{
	"Free", "FamiliesAnnually", "TeamsMonthly", "TeamsAnnually", "EnterpriseMonthly", "EnterpriseAnnually", "Custom",
}

// checkSignature verifies a license without a token: its hash, and RSASSA-PKCS1-v1_5
// with SHA-256 over all signed fields.
func checkSignature(d Document, key *rsa.PublicKey) error {
	if d.Version < oldestSigned {
		return rejected("it has no token, and the signature of version %d cannot be verified here", d.Version)
	}
	hash := sha256.Sum256([]byte(d.signedText(unhashed...)))
	if d.head.Hash != base64.StdEncoding.EncodeToString(hash[:]) {
		return rejected("its hash does not fit its fields")
	}
	signature, err := base64.StdEncoding.DecodeString(d.head.Signature)
	if err != nil {
		return badSignature(err)
	}
	digest := sha256.Sum256([]byte(d.signedText()))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature); err != nil {
		return badSignature(err)
	}
	return nil
}

func badSignature(cause error) error {
	return fault.Wrap(fault.LicenseRejected, cause, "the license was refused: its signature is not by the certificate of SPONSORSYNC_LICENSE_CERT_FILE")
}

// signedText is what signature and hash are made over.
func (d Document) signedText(without ...string) string {
	pairs := make([]string, 0, len(signedFields))
	for _, name := range signedFields {
		if !slices.Contains(without, name) {
			pairs = append(pairs, name+":"+signedValue(name, d.fields.get(name)))
		}
	}
	return "license:organization|" + strings.Join(pairs, "|")
}

// signedValue renders one value: nothing for null, whole seconds for dates,
// names for the oldest plans, and plain text for the rest.
func signedValue(name string, raw json.RawMessage) string {
	text := string(raw)
	if text == "null" {
		return ""
	}
	var date netdate.Date
	if slices.Contains(signedDates, name) && json.Unmarshal(raw, &date) == nil {
		return strconv.FormatInt(roundedSeconds(date.Time), 10)
	}
	if name == "PlanType" {
		if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < len(legacyPlans) {
			return legacyPlans[n]
		}
	}
	if json.Unmarshal(raw, &text) != nil { // a number or a truth value stays as it stands
		return string(raw)
	}
	return text
}

// roundedSeconds rounds as .NET does: ticks of 100 ns as a floating-point number,
// halves to the even second.
func roundedSeconds(t time.Time) int64 {
	const ticksPerSecond = 1e7
	ticks := t.Unix()*ticksPerSecond + int64(t.Nanosecond()/100)
	return int64(math.RoundToEven(float64(ticks) / ticksPerSecond))
}
