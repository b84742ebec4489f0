package cloud_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

func bitwarden(message string) string {
	return fmt.Sprintf(`{"object":"error","message":%q,"validationErrors":null,"exceptionMessage":null}`, message)
}

const edge = `{"message":"Traffic from your network looks unusual. Connect to a different network or try again later. [Error Code 7]"}`

func TestClassify(t *testing.T) {
	t.Parallel()
	const payment = "Unable to generate license due to a payment issue. Please update your billing information or contact support for assistance."
	tests := []struct {
		name   string
		op     string
		status int
		body   string
		code   fault.Code
		flags  string // "outage", "server error"
	}{
		{"wrong credentials", cloud.OpToken, 400, `{"error":"invalid_client"}`, fault.InstallationRejected, ""},
		{"wrong credentials, as RFC 6749 allows", cloud.OpToken, 401, `{"error":"invalid_client"}`, fault.InstallationRejected, ""},
		{"token edge", cloud.OpToken, 400, edge, fault.CloudEdgeBlocked, ""},
		{"token edge, forbidden", cloud.OpToken, 403, edge, fault.CloudEdgeBlocked, ""},
		{"scope", cloud.OpToken, 400, `{"error":"invalid_scope"}`, fault.CloudProtocolError, ""},
		{"request", cloud.OpToken, 400, `{"error":"invalid_request"}`, fault.CloudProtocolError, ""},
		{"grant", cloud.OpToken, 400, `{"error":"unsupported_grant_type"}`, fault.CloudProtocolError, ""},
		{"token page", cloud.OpToken, 400, `<html>`, fault.CloudProtocolError, ""},
		{"token path wrong", cloud.OpToken, 404, ``, fault.CloudProtocolError, ""},
		{"token limited", cloud.OpToken, 429, bitwarden("Slow down! Too many requests. Try again in 1m."), fault.CloudRateLimited, ""},
		{"token outage", cloud.OpToken, 503, ``, fault.CloudUnavailable, "outage"},

		{"unknown organization", cloud.OpSync, 400, bitwarden("Invalid organization"), fault.OrganizationUnknown, ""},
		{"older error body", cloud.OpSync, 400, `{"message":"Invalid organization","validationErrors":null,"object":"error"}`, fault.OrganizationUnknown, ""},
		{"wrong token", cloud.OpSync, 400, bitwarden("Invalid Billing Sync Key"), fault.BillingSyncTokenInvalid, ""},
		{"edge", cloud.OpSync, 400, edge, fault.CloudEdgeBlocked, ""},
		{"model state", cloud.OpSync, 400, bitwarden("The model state is invalid."), fault.CloudProtocolError, ""},
		{"unknown refusal", cloud.OpSync, 400, bitwarden("No " + address), fault.CloudProtocolError, ""},
		{"license text for a sync", cloud.OpSync, 400, bitwarden("Invalid license key."), fault.CloudProtocolError, ""},
		{"empty 400", cloud.OpSync, 400, ``, fault.CloudProtocolError, ""},
		{"unauthorized", cloud.OpSync, 401, ``, fault.InstallationRejected, ""},
		{"forbidden", cloud.OpSync, 403, ``, fault.InstallationRejected, ""},
		{"forbidden, with a body", cloud.OpSync, 403, bitwarden("Invalid token."), fault.InstallationRejected, ""},
		{"forbidden by a proxy", cloud.OpSync, 403, `<html>blocked</html>`, fault.CloudProtocolError, ""},
		{"wrong path", cloud.OpSync, 404, ``, fault.CloudProtocolError, ""},
		{"too large", cloud.OpSync, 413, ``, fault.CloudProtocolError, ""},
		{"created", cloud.OpSync, 201, emptyBatch, fault.CloudProtocolError, ""},
		{"no content", cloud.OpSync, 204, ``, fault.CloudProtocolError, ""},
		{"request timeout", cloud.OpSync, 408, ``, fault.CloudUnavailable, ""},
		{"too early", cloud.OpSync, 425, ``, fault.CloudUnavailable, ""},
		{"poisoned", cloud.OpSync, 500, bitwarden("An unhandled server error has occurred."), fault.CloudUnavailable, "server error"},
		{"ill", cloud.OpSync, 500, `<html>`, fault.CloudUnavailable, "outage"},
		{"gateway", cloud.OpSync, 502, ``, fault.CloudUnavailable, "outage"},
		{"unavailable, with the error body", cloud.OpSync, 503, bitwarden("Later."), fault.CloudUnavailable, "outage"},
		{"gateway timeout", cloud.OpSync, 504, ``, fault.CloudUnavailable, "outage"},
		{"cloud edge server", cloud.OpSync, 520, ``, fault.CloudUnavailable, "outage"},

		{"license of nobody", cloud.OpLicense, 404, bitwarden("Resource not found."), fault.OrganizationUnknown, ""},
		{"license path wrong", cloud.OpLicense, 404, `<html>`, fault.CloudProtocolError, ""},
		{"license key", cloud.OpLicense, 400, bitwarden("Invalid license key."), fault.LicenseKeyInvalid, ""},
		{"license token", cloud.OpLicense, 400, bitwarden("Invalid Billing Sync Key"), fault.BillingSyncTokenInvalid, ""},
		{"license installation", cloud.OpLicense, 400, bitwarden("Invalid installation id"), fault.InstallationRejected, ""},
		{"no subscription", cloud.OpLicense, 400, bitwarden("No active subscription found."), fault.SubscriptionInactive, ""},
		{"payment due", cloud.OpLicense, 400, bitwarden(payment), fault.SubscriptionInactive, ""},
		{"version", cloud.OpLicense, 400, bitwarden("Version 16 is not supported."), fault.UnsupportedVersion, ""},
		{"unknown license refusal", cloud.OpLicense, 400, bitwarden("Errors have occurred."), fault.LicenseRejected, ""},
		{"license body lost", cloud.OpLicense, 400, bitwarden("The model state is invalid."), fault.CloudProtocolError, ""},
		{"license edge", cloud.OpLicense, 400, edge, fault.CloudEdgeBlocked, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := failure(t, cloud.Classify(tt.op, cloud.Answer{Status: tt.status, Body: tt.body}), tt.code)
			flags := ""
			if got.Outage {
				flags += "outage"
			}
			if got.ServerError {
				flags += "server error"
			}
			if flags != tt.flags || got.Status != tt.status || got.RetryAfter != 0 {
				t.Errorf("got %q, status %d, retry after %s; want %q, %d, 0", flags, got.Status, got.RetryAfter, tt.flags, tt.status)
			}
			if !strings.Contains(got.Error(), "try at api.example: ") {
				t.Errorf("%q does not say what was tried, and where", got)
			}
		})
	}
}

func TestClassifyOK(t *testing.T) {
	t.Parallel()
	if e := cloud.Classify(cloud.OpSync, cloud.Answer{Status: 200}); e != nil {
		t.Fatalf("got %v", e)
	}
}

func TestClassifyMessages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer cloud.Answer
		want   string
	}{
		{"a known text is echoed", cloud.Answer{Status: 400, Body: bitwarden("Invalid organization")},
			`organization_unknown: try at api.example: the answer was 400 "Invalid organization"`},
		{"an unknown one is not", cloud.Answer{Status: 400, Body: bitwarden("secret")},
			"cloud_protocol_error: try at api.example: the answer was 400 for a reason that is not known here"},
		{"of a redirect only the host is named",
			cloud.Answer{Status: 307, Header: http.Header{"Location": {"https://u:p@portal.example:8443/login?token=x"}}},
			"cloud_protocol_error: try at api.example: the answer was 307, a redirect to portal.example; it is not followed"},
		{"a redirect to nowhere", cloud.Answer{Status: 302},
			"cloud_protocol_error: try at api.example: the answer was 302, a redirect; it is not followed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := cloud.Classify(cloud.OpSync, tt.answer).Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                              0,
		"soon":                          0,
		"-5":                            0,
		"1.5":                           0,
		"0":                             time.Second,
		"42":                            42 * time.Second,
		" 42 ":                          42 * time.Second,
		"7200":                          time.Hour,
		"99999999999999999999":          time.Hour,
		"Thu, 20 Aug 2026 12:01:30 GMT": 90 * time.Second,
		"Thu, 20 Aug 2026 11:00:00 GMT": time.Second,
		"Fri, 21 Aug 2026 12:00:00 GMT": time.Hour,
	}
	for value, want := range tests {
		if got := cloud.ParseRetryAfter(value, now); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
		header := http.Header{"Retry-After": {value}}
		for status, want := range map[int]time.Duration{429: want, 503: want, 400: 0} {
			e := cloud.Classify(cloud.OpSync, cloud.Answer{Status: status, Header: header, At: now})
			if e.RetryAfter != want {
				t.Errorf("%d with %q: got %s, want %s", status, value, e.RetryAfter, want)
			}
		}
	}
}
