package cloudtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// rowRef names a sponsorship in a control request.
type rowRef struct {
	OrganizationID     string    `json:"organizationId"`
	OrganizationUserID string    `json:"organizationUserId"`
	Mail               *int      `json:"mail"`
	ValidUntil         time.Time `json:"validUntil"`
}

// controlRoutes is the HTTP side of the methods of Cloud; see the package comment.
func (c *Cloud) controlRoutes() http.Handler {
	mux := http.NewServeMux()
	c.worldRoutes(mux)
	c.personRoutes(mux)
	mux.HandleFunc("POST /_control/faults", control(func(_ *http.Request, spec FaultSpec) (any, error) {
		return nil, c.injectSpec(spec)
	}))
	mux.HandleFunc("DELETE /_control/faults", act(c.ClearFaults))
	mux.HandleFunc("POST /_control/expire-tokens", act(c.ExpireTokens))
	mux.HandleFunc("PUT /_control/limits", control(func(_ *http.Request, l Limits) (any, error) {
		c.SetLimits(l)
		return nil, nil
	}))
	mux.HandleFunc("PUT /_control/license", control(func(_ *http.Request, m LicenseMode) (any, error) {
		c.SetLicenseMode(m)
		return nil, nil
	}))
	mux.HandleFunc("GET /_control/certificate", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(c.CertificatePEM())
	})
	return mux
}

func (c *Cloud) worldRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /_control/mails", read(func(r *http.Request) any {
		if to := r.FormValue("to"); to != "" {
			return c.MailsTo(to)
		}
		return c.Mails()
	}))
	mux.HandleFunc("GET /_control/rows", read(func(r *http.Request) any { return c.Rows(r.FormValue("organizationId")) }))
	mux.HandleFunc("GET /_control/requests", read(func(*http.Request) any { return c.Requests() }))
	mux.HandleFunc("GET /_control/stats", read(func(*http.Request) any { return c.Stats() }))
	mux.HandleFunc("POST /_control/installations", control(func(_ *http.Request, patch json.RawMessage) (any, error) {
		return create(patch, c.AddInstallation)
	}))
	mux.HandleFunc("PATCH /_control/installations/{id}", control(func(r *http.Request, patch json.RawMessage) (any, error) {
		return change(patch, func(edit func(*Installation)) bool { return c.UpdateInstallation(r.PathValue("id"), edit) })
	}))
	mux.HandleFunc("POST /_control/organizations", control(func(_ *http.Request, patch json.RawMessage) (any, error) {
		return create(patch, c.AddOrganization)
	}))
	mux.HandleFunc("PATCH /_control/organizations/{id}", control(func(r *http.Request, patch json.RawMessage) (any, error) {
		return change(patch, func(edit func(*Organization)) bool { return c.UpdateOrganization(r.PathValue("id"), edit) })
	}))
	mux.HandleFunc("POST /_control/organizations/{id}/rotate-key", control(func(r *http.Request, _ struct{}) (any, error) {
		key := c.RotateKey(r.PathValue("id"))
		if key == "" {
			return nil, notFound()
		}
		return map[string]string{"billingSyncKey": key}, nil
	}))
}

func (c *Cloud) personRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /_control/accept", control(func(_ *http.Request, ref rowRef) (any, error) {
		if ref.Mail != nil {
			return c.AcceptMail(*ref.Mail)
		}
		return c.Accept(ref.OrganizationID, ref.OrganizationUserID)
	}))
	mux.HandleFunc("POST /_control/redeem", control(func(_ *http.Request, redemption Redemption) (any, error) {
		return c.Redeem(redemption)
	}))
	mux.HandleFunc("POST /_control/validate-token", control(func(_ *http.Request, redemption Redemption) (any, error) {
		return map[string]bool{"isTokenValid": c.ValidateToken(redemption.Token, redemption.Email)}, nil
	}))
	mux.HandleFunc("POST /_control/remove-sponsored", control(func(_ *http.Request, ref rowRef) (any, error) {
		return nil, c.RemoveSponsored(ref.OrganizationID, ref.OrganizationUserID)
	}))
	mux.HandleFunc("POST /_control/revoke", control(func(_ *http.Request, ref rowRef) (any, error) {
		return nil, c.Revoke(ref.OrganizationID, ref.OrganizationUserID)
	}))
	mux.HandleFunc("POST /_control/renew", control(func(_ *http.Request, ref rowRef) (any, error) {
		return nil, c.Renew(ref.OrganizationID, ref.OrganizationUserID, ref.ValidUntil)
	}))
	mux.HandleFunc("POST /_control/purge", control(func(*http.Request, struct{}) (any, error) {
		return map[string]int{"purged": c.Purge()}, nil
	}))
}

// control decodes a body (none is the zero value), runs the action and answers
// 200 with its result, 204 without one, or the error model.
func control[T any](run func(*http.Request, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var in T
		if err == nil && len(bytes.TrimSpace(raw)) > 0 {
			err = strict(raw, &in)
		}
		var out any
		if err == nil {
			out, err = run(r, in)
		}
		a := controlAnswer(out, err)
		begin(w, a)
		send(w, a.body)
	}
}

func read(get func(*http.Request) any) http.HandlerFunc {
	return control(func(r *http.Request, _ struct{}) (any, error) { return get(r), nil })
}

func act(run func()) http.HandlerFunc {
	return control(func(*http.Request, struct{}) (any, error) {
		run()
		return nil, nil
	})
}

func controlAnswer(out any, err error) answer {
	var refused *APIError
	switch {
	case errors.As(err, &refused):
		return errorAnswer(refused)
	case err != nil:
		return errorAnswer(badRequest(err.Error()))
	case out == nil:
		return emptyAnswer(http.StatusNoContent)
	}
	return jsonAnswer(http.StatusOK, out)
}

// strict refuses unknown fields, so that a misspelled one is noticed.
func strict(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// create adds a default T with the fields of patch on top.
func create[T any](patch json.RawMessage, add func(...func(*T)) T) (any, error) {
	if err := checkPatch[T](patch); err != nil {
		return nil, err
	}
	return add(func(stored *T) { overlay(patch, stored) }), nil
}

// change edits the fields that patch names and returns the outcome.
func change[T any](patch json.RawMessage, update func(func(*T)) bool) (any, error) {
	if err := checkPatch[T](patch); err != nil {
		return nil, err
	}
	var after T
	found := update(func(stored *T) {
		overlay(patch, stored)
		after = *stored
	})
	if !found {
		return nil, notFound()
	}
	return after, nil
}

func checkPatch[T any](patch json.RawMessage) error {
	if len(patch) == 0 {
		return nil
	}
	return strict(patch, new(T))
}

// overlay cannot fail: checkPatch has decoded the same bytes into the same type.
func overlay[T any](patch json.RawMessage, stored *T) {
	if len(patch) > 0 {
		_ = json.Unmarshal(patch, stored)
	}
}
