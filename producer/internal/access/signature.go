package access

import (
	"errors"
	"net/http"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// IsSigned reports whether a hook claims to be signed.
func IsSigned(r *http.Request) bool {
	return r.Header.Get("Authorization") == "" && r.Header.Get(standardwebhooks.HeaderWebhookSignature) != ""
}

// CheckSignature verifies a Standard Webhooks signature over the raw body, not
// more than five minutes old or ahead.
func (a *Access) CheckSignature(header http.Header, body []byte) error {
	if len(a.hooks) == 0 {
		return fault.New(fault.Unauthorized, "signed hooks are refused: SPONSORSYNC_HOOK_SECRET is not set")
	}
	problem := "does not match"
	for _, verifier := range a.hooks {
		err := verifier.Verify(body, header)
		if err == nil {
			return nil
		}
		problem = signatureProblem(err, problem)
	}
	return fault.New(fault.Unauthorized, "the signature of the hook %s", problem)
}

// signatureProblem says what the sender can act on: a wrong clock is no wrong secret.
func signatureProblem(err error, otherwise string) string {
	switch {
	case errors.Is(err, standardwebhooks.ErrMessageTooOld):
		return "is more than five minutes old (webhook-timestamp)"
	case errors.Is(err, standardwebhooks.ErrMessageTooNew):
		return "is more than five minutes ahead (webhook-timestamp); check the clocks"
	case errors.Is(err, standardwebhooks.ErrRequiredHeaders), errors.Is(err, standardwebhooks.ErrInvalidHeaders):
		return "lacks a valid webhook-id, webhook-timestamp or webhook-signature"
	}
	return otherwise
}
