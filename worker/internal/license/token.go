package license

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// The token's fixed parts (PROTOCOL.md 4.2, form A).
const (
	issuer         = "bitwarden"
	audiencePrefix = "organization:"
	algorithm      = "RS256"
)

// vouchedFor are the fields whose claims, where the token has them, must say
// the same as the document: only the claims are signed when there is a token.
var vouchedFor = []string{"Id", "InstallationId", "LicenseKey", "Enabled", "SelfHost", "LicenseType", "PlanType", "Seats"}

// checkToken verifies the token. Without a key its lifetime and its claims are
// still looked at: a license that is over would lock the official server's
// subscription page.
func (c *Checker) checkToken(d Document) error {
	options := []jwt.ParserOption{
		jwt.WithValidMethods([]string{algorithm}), jwt.WithIssuer(issuer), jwt.WithTimeFunc(c.p.Now),
		jwt.WithAudience(audiencePrefix + string(d.head.ID)), jwt.WithExpirationRequired(),
	}
	claims := jwt.MapClaims{}
	if err := c.parse(strings.TrimSpace(d.head.Token), claims, options); err != nil {
		return rejected("%s", tokenFault(err))
	}
	if _, present := claims["InstallationId"]; !present { // or any installation's would do
		return rejected("its signed token does not say for which installation it is")
	}
	for _, name := range vouchedFor {
		claim, present := claims[name]
		if present && claim != d.claim(name) {
			return rejected("its field %s says something else than its signed token", name)
		}
	}
	return nil
}

func (c *Checker) parse(token string, claims jwt.MapClaims, options []jwt.ParserOption) error {
	if c.p.Key != nil {
		_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return c.p.Key, nil }, options...)
		return err
	}
	if _, _, err := jwt.NewParser(options...).ParseUnverified(token, claims); err != nil {
		return err
	}
	return jwt.NewValidator(options...).Validate(claims)
}

// claim renders a field as its claim would be: a string in .NET's invariant form.
func (d Document) claim(name string) string {
	raw := d.fields.get(name)
	var text string
	switch value := string(raw); {
	case name == "LicenseType" && (value == "" || value == "null" || value == strconv.Itoa(typeOrganization)):
		return "Organization"
	case value == "true":
		return "True"
	case value == "false":
		return "False"
	case json.Unmarshal(raw, &text) == nil:
		return text
	default:
		return value
	}
}

// tokenFault says in our words what the library found; its own text may quote.
func tokenFault(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "its token has expired; tokens end a year after they were issued"
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return "its token is not valid yet: check this server's clock"
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return "its token is for another organization"
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return "its token was not issued by Bitwarden"
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "the signature of its token is not by the certificate of SPONSORSYNC_LICENSE_CERT_FILE"
	}
	return "its token cannot be verified"
}
