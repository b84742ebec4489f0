package cloudtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// rowRef names a sponsorship in a control request.
type rowRef struct {
	OrganizationID     string    `json:"organizationId"`
	OrganizationUserID string    `json:"organizationUserId"`
	Mail               *int      `json:"mail"`       // of accept: the index of a mail instead
	ValidUntil         time.Time `json:"validUntil"` // of renew
	Days               int       `json:"days"`       // of age
}

type controlRoute struct {
	pattern string // as http.ServeMux takes it
	handle  http.HandlerFunc
}

// ControlRoutes lists the control API as "METHOD /path", sorted.
func (c *Cloud) ControlRoutes() []string {
	patterns := []string{}
	for _, r := range c.controlTable() {
		patterns = append(patterns, r.pattern)
	}
	slices.Sort(patterns)
	return patterns
}

// controlRoutes is the HTTP side of the methods of Cloud.
func (c *Cloud) controlRoutes() http.Handler {
	mux := http.NewServeMux()
	for _, r := range c.controlTable() {
		mux.HandleFunc(r.pattern, r.handle)
	}
	return mux
}

func (c *Cloud) controlTable() []controlRoute {
	return slices.Concat(c.questionRoutes(), c.worldRoutes(), c.personRoutes(), c.weatherRoutes())
}

// questionRoutes tell what the cloud has seen and done.
func (c *Cloud) questionRoutes() []controlRoute {
	return []controlRoute{
		{"GET /_control/mails", read(func(r *http.Request) any {
			return slices.DeleteFunc(c.Mails(), func(m Mail) bool {
				return !fits(r, "to", m.To) || !fits(r, "organizationId", m.OrganizationID) ||
					!fits(r, "organizationUserId", m.OrganizationUserID)
			})
		})},
		{"GET /_control/rows", read(func(r *http.Request) any {
			return slices.DeleteFunc(c.Rows(r.FormValue("organizationId")), func(row Row) bool {
				return !fits(r, "organizationUserId", row.OrganizationUserID)
			})
		})},
		{"GET /_control/doubles", read(func(r *http.Request) any {
			id := r.FormValue("organizationId")
			return map[string]any{"rows": c.Doubled(id), "mails": c.MailedTwice(id)}
		})},
		{"GET /_control/requests", read(func(*http.Request) any { return c.Requests() })},
		{"GET /_control/stats", read(func(*http.Request) any { return c.Stats() })},
		{"GET /_control/certificate", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-pem-file")
			_, _ = w.Write(c.CertificatePEM())
		}},
	}
}

// worldRoutes set up who and what the cloud knows.
func (c *Cloud) worldRoutes() []controlRoute {
	return []controlRoute{
		{"POST /_control/installations", control(func(_ *http.Request, patch json.RawMessage) (any, error) {
			return create(patch, c.AddInstallation)
		})},
		{"PATCH /_control/installations/{id}", control(func(r *http.Request, patch json.RawMessage) (any, error) {
			return change(patch, func(edit func(*Installation)) bool { return c.UpdateInstallation(r.PathValue("id"), edit) })
		})},
		{"POST /_control/organizations", control(func(_ *http.Request, patch json.RawMessage) (any, error) {
			return create(patch, c.AddOrganization)
		})},
		{"PATCH /_control/organizations/{id}", control(func(r *http.Request, patch json.RawMessage) (any, error) {
			return change(patch, func(edit func(*Organization)) bool { return c.UpdateOrganization(r.PathValue("id"), edit) })
		})},
		{"POST /_control/organizations/{id}/rotate-key", control(func(r *http.Request, _ struct{}) (any, error) {
			key := c.RotateKey(r.PathValue("id"))
			if key == "" {
				return nil, notFound()
			}
			return map[string]string{"billingSyncKey": key}, nil
		})},
		{"POST /_control/rows", control(func(_ *http.Request, row Row) (any, error) { return c.AddRow(row), nil })},
		{"POST /_control/age", control(func(_ *http.Request, ref rowRef) (any, error) {
			return nil, c.Age(ref.OrganizationID, ref.OrganizationUserID, time.Duration(ref.Days)*24*time.Hour)
		})},
		{"POST /_control/purge", control(func(*http.Request, struct{}) (any, error) {
			return map[string]int{"purged": c.Purge()}, nil
		})},
	}
}

// personRoutes play the people: at home, and at the cloud's web app.
func (c *Cloud) personRoutes() []controlRoute {
	return []controlRoute{
		{"POST /_control/accept", control(func(_ *http.Request, ref rowRef) (any, error) {
			if ref.Mail != nil {
				return c.AcceptMail(*ref.Mail)
			}
			return c.Accept(ref.OrganizationID, ref.OrganizationUserID)
		})},
		{"POST /_control/redeem", control(func(_ *http.Request, redemption Redemption) (any, error) {
			return c.Redeem(redemption)
		})},
		{"POST /_control/validate-token", control(func(_ *http.Request, redemption Redemption) (any, error) {
			return map[string]bool{"isTokenValid": c.ValidateToken(redemption.Token, redemption.Email)}, nil
		})},
		{"POST /_control/remove-sponsored", control(func(_ *http.Request, ref rowRef) (any, error) {
			return nil, c.RemoveSponsored(ref.OrganizationID, ref.OrganizationUserID)
		})},
		{"POST /_control/revoke", control(func(_ *http.Request, ref rowRef) (any, error) {
			return nil, c.Revoke(ref.OrganizationID, ref.OrganizationUserID)
		})},
		{"POST /_control/renew", control(func(_ *http.Request, ref rowRef) (any, error) {
			return nil, c.Renew(ref.OrganizationID, ref.OrganizationUserID, ref.ValidUntil)
		})},
	}
}

// weatherRoutes make the cloud behave badly, or well again.
func (c *Cloud) weatherRoutes() []controlRoute {
	return []controlRoute{
		{"POST /_control/faults", control(func(_ *http.Request, spec FaultSpec) (any, error) { return nil, c.injectSpec(spec) })},
		{"DELETE /_control/faults", act(c.ClearFaults)},
		{"POST /_control/expire-tokens", act(c.ExpireTokens)},
		{"PUT /_control/limits", put(c.SetLimits)},
		{"PUT /_control/license", put(c.SetLicenseMode)},
		{"PUT /_control/mail-mode", put(c.SetMailMode)},
	}
}
