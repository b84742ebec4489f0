package license_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/license"
)

func TestCheckAcceptsWhatTheCloudIssues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, mode := range map[string]cloudtest.LicenseMode{
		"with token":                 {},
		"without token":              {NoToken: true},
		"version 16, without token":  {NoToken: true, Version: 16},
		"version 3, with token":      {Version: 3},
		"a plan with a legacy name":  {NoToken: true, Set: map[string]any{"PlanType": 5}},
		"without type":               {NoToken: true, Set: map[string]any{"LicenseType": nil}},
		"forever":                    {NoToken: true, Set: map[string]any{"Expires": nil}},
		"dates with odd fractions":   {NoToken: true, Set: map[string]any{"Refresh": noon.Add(1234567 * time.Microsecond)}},
		"a name in another language": {NoToken: true, Set: map[string]any{"Name": "Ä|B:\"C\" <d> & ☂"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := b.check(b.issue(t, mode))
			jobstest.Must(t, err)
			if mode.Version != 0 && d.Version != mode.Version {
				t.Errorf("version %d, want %d", d.Version, mode.Version)
			}
			if mode.Set == nil && (d.Expires == nil || !d.Expires.After(noon)) {
				t.Errorf("expires %v, want a date after noon", d.Expires)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) cloudtest.LicenseMode {
		return cloudtest.LicenseMode{Set: map[string]any{name: value}}
	}
	plain := func(m cloudtest.LicenseMode) cloudtest.LicenseMode { m.NoToken = true; return m }
	tests := []struct {
		name string
		mode cloudtest.LicenseMode
		code fault.Code
		says string
	}{
		{"version 17", cloudtest.LicenseMode{Version: 17}, fault.UnsupportedVersion, "version 17 is not supported"},
		{"negative version", cloudtest.LicenseMode{Version: -1}, fault.UnsupportedVersion, "version -1 is not supported"},
		{"other installation", set("InstallationId", "99999999-9999-4999-8999-999999999999"), fault.LicenseRejected, "another installation id"},
		{"other organization", set("Id", "99999999-9999-4999-8999-999999999999"), fault.LicenseRejected, "another organization"},
		{"disabled", set("Enabled", false), fault.LicenseRejected, "organization is disabled"},
		{"not self-hosted", set("SelfHost", false), fault.LicenseRejected, "does not allow self-hosting"},
		{"a user's", set("LicenseType", 0), fault.LicenseRejected, "premium license"},
		{"token's year is over", cloudtest.LicenseMode{Expired: true}, fault.LicenseRejected, "token has expired"},
		{"expired, no token", plain(cloudtest.LicenseMode{Expired: true}), fault.LicenseRejected, "it expired at 20"},
		{"not issued yet, no token", plain(set("Issued", noon.Add(time.Second))), fault.LicenseRejected, "in the future"},
		{"never issued, no token", plain(set("Issued", nil)), fault.LicenseRejected, "when it was issued"},
		{"token not valid yet", set("Issued", noon.Add(time.Second)), fault.LicenseRejected, "not valid yet"},
		{"spoilt token", cloudtest.LicenseMode{BadSignature: true}, fault.LicenseRejected, "signature of its token"},
		{"spoilt signature", cloudtest.LicenseMode{BadSignature: true, NoToken: true}, fault.LicenseRejected, "its signature is not by"},
		{"old version without token", cloudtest.LicenseMode{Version: 14, NoToken: true}, fault.LicenseRejected, "version 14 cannot be verified"},
	}
	b := setup(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.check(b.issue(t, tt.mode))
			refused(t, err, tt.code, tt.says)
			if strings.Contains(err.Error(), b.organization.LicenseKey) {
				t.Errorf("%q holds the license key", err)
			}
		})
	}
}

func TestCheckListsEveryReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.check(b.issue(t, cloudtest.LicenseMode{NoToken: true, Expired: true, Set: map[string]any{"Enabled": false, "SelfHost": false}}))
	refused(t, err, fault.LicenseRejected, "disabled", "self-hosting", "expired")
}

// What was signed must be what is shown: each of these was changed afterwards.
func TestCheckNoticesTampering(t *testing.T) {
	t.Parallel()
	changes := map[string]func(map[string]any){
		"id of the token": func(all map[string]any) { all["token"] = strings.Replace(all["token"].(string), ".", ".e", 1) },
		"license key":     with("licenseKey", "another"), "plan": with("planType", 7), "seats": with("seats", 100000), "no token left": with("token", ""),
	}
	plain := map[string]func(map[string]any){
		"seats": with("seats", 100000), "name": with("name", "x"), "expires": with("expires", "2099-01-01T00:00:00Z"),
		"issued": with("issued", "2020-01-01T00:00:00Z"), "hash": with("hash", "AAAA"), "signature": with("signature", "%"),
		"no signature": with("signature", nil), "version": with("version", 16),
	}
	b := setup(t)
	token, signed := b.issue(t, cloudtest.LicenseMode{}), b.issue(t, cloudtest.LicenseMode{NoToken: true})
	for name, change := range changes {
		_, err := b.check(edited(t, token, change))
		if name == "no token left" { // then the other signature speaks, and it is true
			jobstest.Must(t, err)
			continue
		}
		refused(t, err, fault.LicenseRejected)
	}
	for name, change := range plain {
		if _, err := b.check(edited(t, signed, change)); fault.CodeOf(err) != fault.LicenseRejected {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
}

// A token that names no installation would be any installation's, whatever the field says.
func TestATokenNamesItsInstallation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nameless := b.issue(t, cloudtest.LicenseMode{Set: map[string]any{"InstallationId": nil}})
	_, err := b.check(edited(t, nameless, with("installationId", string(b.checker.InstallationID))))
	refused(t, err, fault.LicenseRejected, "for which installation")
}

func TestCheckWithoutCertificate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.checker.Key = nil
	for _, mode := range []cloudtest.LicenseMode{{BadSignature: true}, {BadSignature: true, NoToken: true}, {Version: 2, NoToken: true}} {
		_, err := b.check(b.issue(t, mode))
		jobstest.Must(t, err)
	}
	_, err := b.check(b.issue(t, cloudtest.LicenseMode{Expired: true}))
	refused(t, err, fault.LicenseRejected, "token has expired")
	_, err = b.check(edited(t, b.issue(t, cloudtest.LicenseMode{}), with("token", "no token")))
	refused(t, err, fault.LicenseRejected, "cannot be verified")
}

func TestCheckTakesIdsInAnyCase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.checker.InstallationID = sponsorship.ID(strings.ToUpper(b.installation.ID))
	_, err := b.check(b.issue(t, cloudtest.LicenseMode{}))
	jobstest.Must(t, err)
}

func TestCheckRefusesWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	for raw, says := range map[string]string{
		``:                                     "one JSON object",
		`[]`:                                   "one JSON object",
		`{"version":15}{}`:                     "one JSON object",
		`{"version":15`:                        "one JSON object",
		`{"version":"15"}`:                     "Version has another type",
		`{"version":15,"expires":"tomorrow"}`:  "a date in it",
		`{"enabled":false,"Enabled":true}`:     `"Enabled" comes twice`,
		`{"issued":null,"i\u017fsued":"2020"}`: "comes twice", // a letter that folds to s
	} {
		_, err := jobstest.Value(license.NewChecker(license.CheckerParams{Now: func() time.Time { return noon }}))(t).Check(json.RawMessage(raw), org)
		refused(t, err, fault.LicenseRejected, says)
	}
}

// The text that is signed, written by hand from the rules: order, rounding to
// the even second, nothing for null, names for old plans.
func TestSignedText(t *testing.T) {
	t.Parallel()
	all := map[string]any{
		"version": 15, "id": "11111111-1111-4111-8111-11111111111a", "installationId": "22222222-2222-4222-8222-22222222222b",
		"licenseKey": "key", "name": "Näme & Co", "billingEmail": "b@x.test", "businessName": nil, "plan": "Enterprise", "planType": 4,
		"enabled": true, "seats": 10, "maxCollections": nil, "issued": "2026-01-01T00:00:00.5Z", "refresh": "2026-01-01T00:00:01.5+00:00",
		"expires": "2026-01-01T00:00:02.4999999", "hash": "H==", "useScim": true, "usersGetPremium": false, "useResetPassword": true,
		"usePam": true, "token": "not signed", "licenseType": 1,
	}
	raw, err := json.Marshal(all)
	jobstest.Must(t, err)
	d, err := license.Parse(raw)
	jobstest.Must(t, err)
	signed := "license:organization|AllowAdminAccessToAllCollectionItems:|BillingEmail:b@x.test|BusinessName:|Enabled:true|" +
		"ExpirationWithoutGracePeriod:|Expires:1767225602|Hash:H==|Id:11111111-1111-4111-8111-11111111111a|" +
		"InstallationId:22222222-2222-4222-8222-22222222222b|Issued:1767225600|LicenseKey:key|LimitCollectionCreationDeletion:|" +
		"MaxCollections:|MaxStorageGb:|Name:Näme & Co|Plan:Enterprise|PlanType:EnterpriseMonthly|Refresh:1767225602|Seats:10|" +
		"SelfHost:|SmSeats:|SmServiceAccounts:|Trial:|Use2fa:|UseApi:|UseCustomPermissions:|UseDirectory:|UseEvents:|UseGroups:|" +
		"UseKeyConnector:|UsePasswordManager:|UsePolicies:|UseResetPassword:true|UsersGetPremium:false|UseScim:true|" +
		"UseSecretsManager:|UseSso:|UseTotp:|Version:15"
	if got := d.SignedText(false); got != signed {
		t.Errorf("signed:\n%s\nwant:\n%s", got, signed)
	}
	hashed := strings.NewReplacer("Hash:H==|", "", "Issued:1767225600|", "", "Refresh:1767225602|", "").Replace(signed)
	if got := d.SignedText(true); got != hashed {
		t.Errorf("hashed:\n%s\nwant:\n%s", got, hashed)
	}
}

func TestLoadCertificate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dir := t.TempDir()
	files := map[string][]byte{"pem": b.cloud.CertificatePEM(), "der": b.cloud.CertificateDER(), "text": []byte("hello"), "empty": nil}
	for name, content := range files {
		jobstest.Must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	for _, name := range []string{"pem", "der"} {
		key, err := license.LoadCertificate(filepath.Join(dir, name))
		jobstest.Must(t, err)
		if !key.Equal(b.checker.Key) {
			t.Errorf("%s: another key", name)
		}
	}
	for _, name := range []string{"text", "empty", "missing"} {
		if _, err := license.LoadCertificate(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want an error that names the file", name, err)
		}
	}
}
