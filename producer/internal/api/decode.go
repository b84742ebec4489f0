package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// maxKey bounds an idempotency key.
const maxKey = 255

// jobRequest is one job of a hook.
type jobRequest struct {
	Kind jobs.Kind       `json:"kind"`
	Args json.RawMessage `json:"args"`
}

// decodeHook reads one job or an array of them. Its error lists the faults of
// all items, so that nobody sends a file of a thousand a thousand times.
func decodeHook(body []byte) (batch []jobs.Args, single bool, err error) {
	raw := []json.RawMessage{body}
	single = !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("["))
	if !single && json.Unmarshal(body, &raw) != nil {
		return nil, false, view.Invalid("body", "is not JSON")
	}
	switch n := len(raw); {
	case n == 0:
		return nil, false, view.Invalid("body", "is an empty array; send at least one job")
	case n > enqueue.MaxBatch:
		return nil, false, fault.New(fault.PayloadTooLarge, "%d jobs in one request, at most %d are allowed", n, enqueue.MaxBatch)
	}
	var faults []enqueue.ItemError
	for i, text := range raw {
		args, wrong := decodeJob(text)
		for _, f := range wrong {
			faults = append(faults, enqueue.ItemError{Index: i, Field: f.Field, Message: f.Message})
		}
		batch = append(batch, args)
	}
	if len(faults) > 0 {
		return nil, false, view.InvalidItems(faults...)
	}
	return batch, single, nil
}

// decodeJob refuses the kinds that the system keeps to itself as it refuses
// unknown ones.
func decodeJob(text []byte) (jobs.Args, []jobs.FieldError) {
	var request jobRequest
	if wrong := jobs.Unmarshal(text, &request); wrong != nil {
		return nil, wrong.Naming("body")
	}
	kind := request.Kind
	if policy, known := kind.Policy(); !known || !policy.Public {
		kind = ""
	}
	if kind != "" && request.Args == nil {
		return nil, []jobs.FieldError{{Field: "args", Message: "is missing"}}
	}
	args, err := jobs.Decode(kind, request.Args)
	return args, fieldErrors(err)
}

func fieldErrors(err error) []jobs.FieldError {
	if err == nil {
		return nil
	}
	if fields, ok := errors.AsType[jobs.FieldErrors](err); ok {
		return fields
	}
	return []jobs.FieldError{{Field: "args", Message: "is not valid"}}
}

// idempotencyKey reads Idempotency-Key, an RFC 8941 string or bare, or else
// webhook-id.
func idempotencyKey(h http.Header) (string, error) {
	name := "Idempotency-Key"
	value := strings.TrimSpace(h.Get(name))
	if value == "" {
		name = standardwebhooks.HeaderWebhookID
		value = strings.TrimSpace(h.Get(name))
	}
	if strings.HasPrefix(value, `"`) {
		var closed bool
		if value, closed = unquote(value); !closed {
			return "", view.Invalid(name, "starts with a quote and is not a quoted string")
		}
		if value == "" {
			return "", view.Invalid(name, "is empty")
		}
	}
	if len(value) > maxKey || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", view.Invalid(name, "must be at most 255 printable ASCII characters")
	}
	return value, nil
}

// unquote reads an RFC 8941 string: \" and \\ are its only escapes.
func unquote(s string) (string, bool) {
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return text.String(), i == len(s)-1
		case '\\':
			if i++; i == len(s) || (s[i] != '"' && s[i] != '\\') {
				return "", false
			}
		}
		text.WriteByte(s[i])
	}
	return "", false
}
