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

// maxID bounds the id of a hook, which becomes its idempotency key.
const maxID = 255

// CheckHeaders refuses what no body could make right: no secret is set, a header is
// missing or malformed, or the signature is too old. Ask before reading a body.
func (a *Access) CheckHeaders(header http.Header) error {
	if len(header.Get(standardwebhooks.HeaderWebhookID)) > maxID {
		return fault.New(fault.Unauthorized, "the signature of the hook has a webhook-id of more than %d characters", maxID)
	}
	err := a.verify(header, nil)
	if errors.Is(err, standardwebhooks.ErrNoMatchingSignature) {
		return nil // as it must be, without the body
	}
	return a.unsigned(err)
}

// CheckSignature verifies a Standard Webhooks signature over the raw body, not
// more than five minutes old or ahead.
func (a *Access) CheckSignature(header http.Header, body []byte) error {
	return a.unsigned(a.verify(header, body))
}

// unsigned counts what was refused.
func (a *Access) unsigned(err error) error {
	if err != nil {
		a.refused.WithLabelValues("signature").Inc()
	}
	return err
}

func (a *Access) verify(header http.Header, body []byte) error {
	if len(a.hooks) == 0 {
		return fault.New(fault.Unauthorized, "signed hooks are refused: SPONSORSYNC_HOOK_SECRET is not set")
	}
	var err error
	for _, verifier := range a.hooks {
		if err = verifier.Verify(body, header); err == nil {
			return nil
		}
	}
	return fault.Wrap(fault.Unauthorized, err, "the signature of the hook %s", signatureProblem(err))
}

// signatureProblem says what the sender can act on: a wrong clock is no wrong
// secret. All verifiers judge the headers alike.
func signatureProblem(err error) string {
	switch {
	case errors.Is(err, standardwebhooks.ErrMessageTooOld):
		return "is more than five minutes old (webhook-timestamp)"
	case errors.Is(err, standardwebhooks.ErrMessageTooNew):
		return "is more than five minutes ahead (webhook-timestamp); check the clocks"
	case errors.Is(err, standardwebhooks.ErrRequiredHeaders), errors.Is(err, standardwebhooks.ErrInvalidHeaders):
		return "lacks a valid webhook-id, webhook-timestamp or webhook-signature"
	}
	return "does not match"
}
