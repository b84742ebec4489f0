package cloudtest_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// license asks for the lab's license; pairs change the body.
func (l *lab) license(pairs ...string) reply {
	l.Helper()
	body := map[string]string{"licenseKey": l.org.LicenseKey, "billingSyncKey": l.org.BillingSyncKey}
	for i := 0; i+1 < len(pairs); i += 2 {
		body[pairs[i]] = pairs[i+1]
	}
	raw, err := json.Marshal(body)
	if err != nil {
		l.Fatal(err)
	}
	return l.licenseAt(l.org.ID, string(raw))
}

func (l *lab) licenseAt(id, body string) reply {
	l.Helper()
	if l.bearer == "" {
		l.bearer = l.token("api.licensing")
	}
	return l.do(call{http.MethodGet, cloudtest.PathLicense + id, "application/json", l.bearer, body})
}

func publicKey(l *lab) *rsa.PublicKey {
	l.Helper()
	cert, err := x509.ParseCertificate(l.cloud.CertificateDER())
	if err != nil {
		l.Fatal(err)
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		l.Fatalf("key is %T", cert.PublicKey)
	}
	return key
}

// licenseFields are all members of an answer (PROTOCOL.md 4.1).
func licenseFields() []string {
	return strings.Split("licenseKey,name,billingEmail,businessName,plan,hash,signature,token,installationId,id,planType,version,"+
		"seats,maxCollections,maxStorageGb,smSeats,smServiceAccounts,licenseType,issued,refresh,expires,"+
		"expirationWithoutGracePeriod,enabled,usePolicies,useSso,useKeyConnector,useScim,useGroups,useEvents,useDirectory,"+
		"useTotp,use2fa,useApi,useResetPassword,selfHost,usersGetPremium,useCustomPermissions,usePasswordManager,"+
		"useSecretsManager,useRiskInsights,usePhishingBlocker,limitCollectionCreationDeletion,"+
		"allowAdminAccessToAllCollectionItems,trial,useOrganizationDomains,useAdminSponsoredFamilies,"+
		"useAutomaticUserConfirmation,useDisableSmAdsForUsers,useMyItems,useInviteLinks,usePam", ",")
}

func TestLicenseConformance(t *testing.T) {
	t.Parallel()
	subscribed := func(state string) func(*lab) {
		return func(l *lab) {
			l.edit(func(o *cloudtest.Organization) { o.Subscription = state })
			refused(l.T, l.license(), http.StatusBadRequest, "Unable to generate license due to a payment issue. Please update your billing information or contact support for assistance.")
		}
	}
	unsubscribed := func(expires func(time.Time) *time.Time) func(*lab) {
		return func(l *lab) {
			l.edit(func(o *cloudtest.Organization) { o.Subscription, o.Expires = "", expires(l.clock.Now()) })
			refused(l.T, l.license(), http.StatusBadRequest, "No active subscription found.")
		}
	}
	conform(t, []conformance{
		{"L1 license", func(l *lab) {
			body := l.license().json(l.T)
			equal(l.T, "version", body["version"], any(15.0))
			equal(l.T, "installationId", body["installationId"], any(l.in.ID))
			equal(l.T, "id", body["id"], any(l.org.ID))
			equal(l.T, "issued", body["issued"], any(wireNow))
			equal(l.T, "licenseType", body["licenseType"], any(1.0))
			fields := licenseFields()
			equal(l.T, "members", len(body), len(fields))
			for _, name := range fields {
				if _, ok := body[name]; !ok {
					l.Errorf("field %s is missing", name)
				}
			}
		}},
		{"L2 a token of another scope is forbidden without a challenge", func(l *lab) {
			l.bearer = l.token("api.installation")
			barred(l.T, l.license(), http.StatusForbidden, "")
		}},
		{"L3 unknown organization", func(l *lab) {
			l.org.ID = uuid.NewString()
			refused(l.T, l.license(), http.StatusNotFound, "Resource not found.")
		}},
		{"L5 wrong billing key", func(l *lab) {
			refused(l.T, l.license("billingSyncKey", "wrong"), http.StatusBadRequest, invalidKey)
		}},
		{"L6 installation disabled meanwhile", func(l *lab) {
			l.bearer = l.token("api.licensing")
			l.cloud.UpdateInstallation(l.in.ID, func(in *cloudtest.Installation) { in.Enabled = false })
			refused(l.T, l.license(), http.StatusBadRequest, "Invalid installation id")
		}},
		{"L7 canceled", subscribed(cloudtest.SubscriptionCanceled)},
		{"L7 incomplete", subscribed(cloudtest.SubscriptionIncomplete)},
		{"L7 incomplete and expired", subscribed(cloudtest.SubscriptionIncompleteExpired)},
		{"L8 no subscription, no expiry", unsubscribed(func(time.Time) *time.Time { return nil })},
		{"L8 no subscription, expired", unsubscribed(func(now time.Time) *time.Time {
			past := now.Add(-time.Second)
			return &past
		})},
		{"L9 no body", func(l *lab) { refused(l.T, l.licenseAt(l.org.ID, ""), http.StatusBadRequest, modelState) }},
		{"L10 id no GUID", func(l *lab) {
			refused(l.T, l.licenseAt("nonsense", `{}`), http.StatusInternalServerError, unhandled)
		}},
	})
}

func TestLicenseBeyondTheSheetsTable(t *testing.T) {
	t.Parallel()
	conform(t, []conformance{
		{"billing key never generated", func(l *lab) {
			l.edit(func(o *cloudtest.Organization) { o.BillingSyncKey = "" })
			refused(l.T, l.license(), http.StatusInternalServerError, unhandled)
		}},
		{"disabled organization gets one", func(l *lab) {
			l.edit(func(o *cloudtest.Organization) { o.Enabled = false })
			equal(l.T, "enabled", l.license().json(l.T)["enabled"], any(false))
		}},
	})
}

func TestLicenseWrongKeyIsDelayed(t *testing.T) {
	t.Parallel()
	t.Run("L4 wrong license key", func(t *testing.T) {
		t.Parallel()
		delays := make(chan time.Duration, 1)
		l := setup(t, func(o *cloudtest.Options) {
			o.Penalty = cloudtest.KeyPenalty
			o.Sleep = func(_ context.Context, d time.Duration) { delays <- d }
		})
		refused(t, l.license("licenseKey", "wrong"), http.StatusBadRequest, "Invalid license key.")
		equal(t, "delay", <-delays, 2*time.Second)
	})
}

func TestLicenseToken(t *testing.T) {
	t.Parallel()
	parse := func(l *lab) (jwt.MapClaims, error) {
		token, _ := l.license().json(l.T)["token"].(string)
		claims := jwt.MapClaims{}
		key := publicKey(l)
		_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return key, nil },
			jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer("bitwarden"), jwt.WithAudience("organization:"+l.org.ID),
			jwt.WithTimeFunc(l.clock.Now), jwt.WithExpirationRequired())
		return claims, err
	}
	conform(t, []conformance{
		{"sound", func(l *lab) {
			claims, err := parse(l)
			if err != nil {
				l.Fatal(err)
			}
			for name, want := range map[string]string{
				"Enabled": "True", "Trial": "False", "PlanType": "20", "LicenseType": "Organization",
				"InstallationId": l.in.ID, "Issued": "08/20/2026 19:16:19",
			} {
				equal(l.T, name, claims[name], any(want))
			}
			for _, absent := range []string{"Version", "SmSeats", "Hash", "Signature", "Token"} {
				if _, ok := claims[absent]; ok {
					l.Errorf("claim %s is present", absent)
				}
			}
		}},
		{"spoilt", func(l *lab) {
			l.cloud.SetLicenseMode(cloudtest.LicenseMode{BadSignature: true})
			if _, err := parse(l); err == nil {
				l.Error("a spoilt signature verifies")
			}
		}},
		{"expired", func(l *lab) {
			l.cloud.SetLicenseMode(cloudtest.LicenseMode{Expired: true})
			if _, err := parse(l); err == nil || !strings.Contains(err.Error(), "expired") {
				l.Errorf("error = %v, want expired", err)
			}
		}},
	})
}

// The text that is signed is written out here in full, so that the test does
// not share the order of fields with the code.
func TestLicensePropertySignature(t *testing.T) {
	t.Parallel()
	l := setup(t)
	until := l.clock.Now().Truncate(time.Second).AddDate(0, 1, 0)
	l.edit(func(o *cloudtest.Organization) { o.Expires, o.Name = &until, "Acme" })
	l.cloud.SetLicenseMode(cloudtest.LicenseMode{NoToken: true, Set: map[string]any{"Seats": 7}})
	body := l.license().json(t)
	equal(t, "token", body["token"], any(nil))
	end, grace := strconv.FormatInt(until.Unix(), 10), strconv.FormatInt(until.AddDate(0, 0, 60).Unix(), 10)
	hash, _ := body["hash"].(string)
	text := strings.NewReplacer("END", end, "GRACE", grace, "ORG", l.org.ID, "INST", l.in.ID, "KEY", l.org.LicenseKey,
		"ISSUED", strconv.FormatInt(l.clock.Now().Unix(), 10), "HASH", hash).Replace(
		"license:organization|AllowAdminAccessToAllCollectionItems:false|BillingEmail:billing@example.test|BusinessName:Acme|" +
			"Enabled:true|ExpirationWithoutGracePeriod:END|Expires:GRACE|Hash:HASH|Id:ORG|InstallationId:INST|Issued:ISSUED|" +
			"LicenseKey:KEY|LimitCollectionCreationDeletion:false|MaxCollections:|MaxStorageGb:1|Name:Acme|" +
			"Plan:Enterprise (Annually)|PlanType:20|Refresh:END|Seats:7|SelfHost:true|SmSeats:|SmServiceAccounts:|Trial:false|" +
			"Use2fa:true|UseApi:true|UseCustomPermissions:true|UseDirectory:true|UseEvents:true|UseGroups:true|" +
			"UseKeyConnector:true|UsePasswordManager:true|UsePolicies:true|UseResetPassword:true|UsersGetPremium:true|" +
			"UseScim:true|UseSecretsManager:false|UseSso:true|UseTotp:true|Version:15")
	signature, err := base64.StdEncoding.DecodeString(body["signature"].(string))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(text))
	if err := rsa.VerifyPKCS1v15(publicKey(l), crypto.SHA256, digest[:], signature); err != nil {
		t.Errorf("verify %s: %v", text, err)
	}
}

func TestLicenseVersion(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.cloud.SetLicenseMode(cloudtest.LicenseMode{Version: 17})
	equal(t, "version", l.license().json(t)["version"], any(17.0))
	equal(t, "effect", l.cloud.Requests()[1].Effect, true)
}
