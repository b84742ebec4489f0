package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// classification is what an answer means and what is said about it.
type classification struct {
	code fault.Code
	says string
}

// refusals are the cloud's own texts that are known, and hence shown (PROTOCOL.md
// 2.4, 2.9 and 4.1). Any other text stays unsaid: it may quote what was sent.
var refusals = []struct {
	op, text string
	code     fault.Code
}{
	{OpSync, "Invalid organization", fault.OrganizationUnknown},
	{OpSync, "Invalid Billing Sync Key", fault.BillingSyncTokenInvalid},
	{OpSync, "The model state is invalid.", fault.CloudProtocolError},
	{OpLicense, "Resource not found.", fault.OrganizationUnknown},
	{OpLicense, "Invalid license key.", fault.LicenseKeyInvalid},
	{OpLicense, "Invalid Billing Sync Key", fault.BillingSyncTokenInvalid},
	{OpLicense, "Invalid installation id", fault.InstallationRejected},
	{OpLicense, "No active subscription found.", fault.SubscriptionInactive},
	{OpLicense, "Unable to generate license due to a payment issue. Please update your billing information or contact support for assistance.", fault.SubscriptionInactive},
	{OpLicense, "The model state is invalid.", fault.CloudProtocolError}, // a proxy dropped the body of the GET
}

var versionRefused = regexp.MustCompile(`^Version \d{1,4} is not supported\.$`)

// errorBody is every error the cloud can send: Bitwarden's own has object
// "error" (PROTOCOL.md 2.9), OAuth's has error (1.3), and the network edge in
// front of both sends a message alone.
type errorBody struct {
	Object  string `json:"object"`
	Message string `json:"message"`
	Error   string `json:"error"`
	isJSON  bool
}

func parseErrorBody(raw []byte) errorBody {
	var b errorBody
	if json.Unmarshal(raw, &b) != nil {
		return errorBody{}
	}
	b.isJSON = true
	return b
}

func (b errorBody) fromBitwarden() bool { return b.Object == "error" }
func (b errorBody) fromEdge() bool      { return b.Message != "" && b.Object == "" && b.Error == "" }

// classify is the one table of what the cloud's answers mean. It returns nil for
// a 200, whose body the caller still has to understand.
func classify(op operation, a answer) *Error {
	if a.status == http.StatusOK {
		return nil
	}
	body := parseErrorBody(a.body)
	v := classifyAnswer(op, a, body)
	e := op.fail(v.code, v.says)
	e.Status = a.status
	e.ServerError = a.status == http.StatusInternalServerError && body.fromBitwarden()
	e.Outage, e.Fate = isOutage(a.status, body), a.fate()
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		e.RetryAfter = parseRetryAfter(a.header.Get("Retry-After"), a.at)
	}
	return e
}

// isOutage: a gateway that has nothing behind it, or a server too ill to send
// its own error body.
func isOutage(status int, body errorBody) bool {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return status >= 500 && !body.fromBitwarden()
}

// classifyAnswer goes from what holds for every call to what holds for one.
func classifyAnswer(op operation, a answer, body errorBody) classification {
	answered := fmt.Sprintf("the answer was %d", a.status)
	switch {
	case a.status == http.StatusTooManyRequests:
		return classification{fault.CloudRateLimited, answered + ", too many requests from here"}
	case a.status >= 500, a.status == http.StatusRequestTimeout, a.status == http.StatusTooEarly:
		return classification{fault.CloudUnavailable, answered}
	case a.status >= 300 && a.status < 400:
		return classification{fault.CloudProtocolError, answered + ", a redirect" + target(a.header) + "; it is not followed"}
	case (a.status == http.StatusBadRequest || a.status == http.StatusForbidden) && body.fromEdge():
		return classification{fault.CloudEdgeBlocked, answered + " by the network edge, not by the cloud itself"}
	case op.name == OpToken:
		return classifyToken(answered, body)
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return classifyAccess(answered, a, body)
	case body.fromBitwarden():
		return classifyRefusal(op, a.status, body.Message)
	}
	return classification{fault.CloudProtocolError, answered + ", without the cloud's own error body"}
}

// classifyToken reads OAuth's error code. A wrong id, a wrong key, a disabled
// installation and another region's id look the same (PROTOCOL.md 1.3).
func classifyToken(answered string, body errorBody) classification {
	switch body.Error {
	case "invalid_client":
		return classification{fault.InstallationRejected, answered + " invalid_client: the installation id, its key or the cloud region is wrong"}
	case "invalid_scope", "invalid_request", "invalid_grant", "unauthorized_client", "unsupported_grant_type":
		return classification{fault.CloudProtocolError, answered + " " + body.Error}
	}
	return classification{fault.CloudProtocolError, answered + ", not one of a token endpoint"}
}

// classifyAccess: the API says 401 and 403 with an empty body or JSON; a page comes
// from a proxy, and no credential is at fault.
func classifyAccess(answered string, a answer, body errorBody) classification {
	if len(a.body) > 0 && !body.isJSON {
		return classification{fault.CloudProtocolError, answered + " with a page that the cloud does not send"}
	}
	return classification{fault.InstallationRejected, answered + ": the installation's token is not accepted"}
}

// classifyRefusal looks the text up. A license is refused for more reasons than are
// known; for a sync, an unknown text means that the protocol has changed.
func classifyRefusal(op operation, status int, text string) classification {
	for _, r := range refusals {
		if r.op == op.name && r.text == text {
			return classification{r.code, fmt.Sprintf("the answer was %d %q", status, text)}
		}
	}
	switch {
	case versionRefused.MatchString(text):
		return classification{fault.UnsupportedVersion, fmt.Sprintf("the answer was %d %q", status, text)}
	case op.name == OpLicense && status == http.StatusBadRequest:
		return classification{fault.LicenseRejected, "the answer was 400 for a reason that is not known here"}
	}
	return classification{fault.CloudProtocolError, fmt.Sprintf("the answer was %d for a reason that is not known here", status)}
}

// hostName is what may be shown of somebody else's host: letters that no terminal obeys.
var hostName = regexp.MustCompile(`^[a-zA-Z0-9.:-]{1,253}$`)

// target names the host that a redirect points to, and no more of it.
func target(h http.Header) string {
	u, err := url.Parse(h.Get("Location"))
	if err != nil || !hostName.MatchString(u.Hostname()) {
		return ""
	}
	return " to " + u.Hostname()
}
