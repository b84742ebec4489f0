package cloudtest

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	scopePush         = "api.push"
	scopeLicensing    = "api.licensing"
	scopeInstallation = "api.installation"

	tokenLifetime  = 24 * time.Hour
	tokenTolerance = 5 * time.Minute // the API takes a token this long past its end
	clientPrefix   = "installation."
)

var errNoToken = errors.New("request carries no token")

//lint:ignore ST1005 the API words it so
var errTokenExpired = errors.New("The token expired")

// allowedScopes are what an installation may ask for (PROTOCOL.md 1.1).
func allowedScopes() []string { return []string{scopePush, scopeLicensing, scopeInstallation} }

type tokenClaims struct {
	jwt.RegisteredClaims
	ClientID  string   `json:"client_id"`
	ClientSub string   `json:"client_sub"`
	Scope     []string `json:"scope"`
}

// bearer is what the API learns from an access token.
type bearer struct {
	installation string
	scopes       []string
}

func tokenError(code string) answer {
	return jsonAnswer(http.StatusBadRequest, map[string]string{"error": code})
}

// serveToken is the token endpoint: envelope, client, grant, scope, in this order.
func (c *Cloud) serveToken(ex *exchange) answer {
	form, ok := formOf(ex)
	if !ok {
		return tokenError("invalid_request")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.client(ex.request, form)
	if in == nil {
		return tokenError("invalid_client")
	}
	switch form.Get("grant_type") {
	case "client_credentials":
	case "authorization_code", "password", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code":
		return tokenError("unauthorized_client")
	default:
		return tokenError("unsupported_grant_type")
	}
	scopes := allowedScopes()
	if asked := strings.Fields(form.Get("scope")); len(asked) > 0 {
		for _, scope := range asked {
			if !slices.Contains(scopes, scope) {
				return tokenError("invalid_scope")
			}
		}
		scopes = asked
	}
	c.ledger.at(ex.entry).Effect = true
	return c.issue(in.ID, scopes)
}

func formOf(ex *exchange) (url.Values, bool) {
	kind, _, err := mime.ParseMediaType(ex.request.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || ex.request.Method != http.MethodPost {
		return nil, false
	}
	form, err := url.ParseQuery(string(ex.body))
	return form, err == nil
}

// client finds the enabled installation that the credentials belong to. All
// reasons to refuse look the same from outside (PROTOCOL.md 1.3).
func (c *Cloud) client(r *http.Request, form url.Values) *Installation {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok && id == "" {
		id, secret = user, password
	}
	raw, isInstallation := strings.CutPrefix(id, clientPrefix)
	guid, err := uuid.Parse(raw)
	if !isInstallation || err != nil || c.opts.SelfHosted {
		return nil
	}
	in := c.world.installations[guid.String()]
	if in == nil || !in.Enabled || in.Key != secret {
		return nil
	}
	if in.Region != "" && in.Region != c.opts.Region {
		return nil
	}
	return in
}

func (c *Cloud) issue(installation string, scopes []string) answer {
	now := c.now()
	claims := tokenClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: c.url, ID: c.world.id(), IssuedAt: jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(tokenLifetime)),
		},
		ClientID: clientPrefix + installation, ClientSub: installation, Scope: scopes,
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["typ"] = "at+jwt"
	signed, err := token.SignedString(c.tokenKey)
	if err != nil {
		return errorAnswer(unhandled())
	}
	c.world.tokens[claims.ID] = true
	a := jsonAnswer(http.StatusOK, map[string]any{
		"access_token": signed, "expires_in": int(tokenLifetime.Seconds()),
		"token_type": "Bearer", "scope": strings.Join(scopes, " "),
	})
	a.header.Set("Cache-Control", "no-store, no-cache, max-age=0")
	return a
}

// ExpireTokens makes every token issued so far invalid.
func (c *Cloud) ExpireTokens() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.world.tokens)
}

// readToken accepts the token from the header or, as the API does, the query.
func (c *Cloud) readToken(r *http.Request) (bearer, error) {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		raw = r.URL.Query().Get("access_token")
	}
	if raw == "" {
		return bearer{}, errNoToken
	}
	var claims tokenClaims
	token, err := jwt.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) { return c.tokenKey, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithTimeFunc(c.now), jwt.WithLeeway(tokenTolerance))
	if errors.Is(err, jwt.ErrTokenExpired) {
		return bearer{}, fmt.Errorf("%w at '%s'", errTokenExpired, claims.ExpiresAt.UTC().Format("01/02/2006 15:04:05"))
	}
	if err != nil {
		return bearer{}, err
	}
	if token.Header["typ"] != "at+jwt" || !c.world.tokens[claims.ID] {
		return bearer{}, errors.New("token was revoked or is none")
	}
	return bearer{installation: claims.ClientSub, scopes: claims.Scope}, nil
}

// authorize is the API's policy check; what it refuses has no body. Only a token
// that it could make out is told what is wrong with it (PROTOCOL.md 2.4).
func (c *Cloud) authorize(r *http.Request, scope string) (bearer, answer, bool) {
	b, err := c.readToken(r)
	invalid := `Bearer error="invalid_token"`
	switch {
	case errors.Is(err, errNoToken):
		return b, challenge("Bearer"), false
	case errors.Is(err, errTokenExpired):
		return b, challenge(invalid + `, error_description="` + err.Error() + `"`), false
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return b, challenge(invalid + `, error_description="The signature is invalid"`), false
	case err != nil:
		return b, challenge(invalid), false
	case !slices.Contains(b.scopes, scope):
		return b, emptyAnswer(http.StatusForbidden), false
	}
	return b, answer{}, true
}

// isJSON tells whether the API has a reader for the request's content type.
func isJSON(r *http.Request) bool {
	kind, charset := contentType(r)
	if kind == "" {
		return r.ContentLength == 0 // no body: model binding complains instead
	}
	known := kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
	return known && slices.Contains([]string{"", "utf-8", "utf-16", "utf-16le"}, charset)
}
