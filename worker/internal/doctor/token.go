package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// tokenScope is the one of billing sync (fact sheet 1.1).
const tokenScope = "api.installation"

// token asks for a token once and throws it away.
func (d *doctor) token(ctx context.Context, client *http.Client, way trip) Check {
	c := d.Settings.Cloud
	switch {
	case !way.arrived:
		return skipped("there is no way to the identity host", nameToken)[0]
	case c.InstallationID == "" || c.InstallationKey == "":
		return skipped("globalSettings__installation__id or globalSettings__installation__key is missing", nameToken)[0]
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {tokenScope},
		"client_id": {"installation." + strings.ToLower(c.InstallationID)}, "client_secret": {c.InstallationKey.Reveal()},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, way.host.url.JoinPath("connect", "token").String(), strings.NewReader(form.Encode()))
	if err != nil {
		return bad(nameToken, "", "%s", reason(err))
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return bad(nameToken, way.host.firewall(), "%s: %s", way.host.url.Host, reason(err))
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20)) // what is cut off cannot be read below
	return tokenVerdict(response.StatusCode, body, way.host.url.Host)
}

// tokenVerdict reads the answer of the token endpoint (fact sheet 1.2 to 1.4). A
// 400 is read by its body: with only a message it is the network edge's.
func tokenVerdict(status int, body []byte, host string) Check {
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
		Message     string `json:"message"`
		Object      string `json:"object"`
	}
	isJSON := json.Unmarshal(body, &answer) == nil
	switch {
	case status == http.StatusOK && answer.AccessToken != "":
		return good(nameToken, "granted: installation id, key and region fit together")
	case answer.Error == "invalid_client":
		return bad(nameToken, fault.InstallationRejected.Hint(), "%s answers invalid_client; one of three is wrong: "+
			"globalSettings__installation__id, globalSettings__installation__key, or the region (the id belongs to another one than this host)", host)
	case status == http.StatusTooManyRequests:
		return doubtful(nameToken, fault.CloudRateLimited.Hint(), "%s answers %d, too many requests from this address", host, status)
	case status >= http.StatusInternalServerError:
		return bad(nameToken, fault.CloudUnavailable.Hint(), "%s answers %d", host, status)
	case status >= http.StatusBadRequest && isJSON && answer.Message != "" && answer.Error == "" && answer.Object == "":
		return bad(nameToken, fault.CloudEdgeBlocked.Hint(), "%s answers %d from its network edge; no credential is wrong", host, status)
	}
	return bad(nameToken, fault.CloudProtocolError.Hint(), "%s, which is not the answer of a token endpoint", fmt.Sprintf("%s answers %d", host, status))
}
