package cloudtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	textUnhandled  = "An unhandled server error has occurred."
	textModelState = "The model state is invalid."
	textNotFound   = "Resource not found."
)

// APIError is a refusal by the cloud: what it answers, in the words it uses.
type APIError struct {
	Status     int
	Message    string
	Validation map[string][]string
}

// Error gives status and message.
func (e *APIError) Error() string { return fmt.Sprintf("cloud answers %d: %s", e.Status, e.Message) }

func badRequest(message string) *APIError {
	return &APIError{Status: http.StatusBadRequest, Message: message}
}

func unhandled() *APIError {
	return &APIError{Status: http.StatusInternalServerError, Message: textUnhandled}
}

func notFound() *APIError {
	return &APIError{Status: http.StatusNotFound, Message: textNotFound}
}

func modelState(path, message string) *APIError {
	return &APIError{
		Status: http.StatusBadRequest, Message: textModelState,
		Validation: map[string][]string{path: {message}},
	}
}

// errorModel is the error body of the API with its keys in order (PROTOCOL.md 2.9).
type errorModel struct {
	Object                string              `json:"object"`
	Message               string              `json:"message"`
	ValidationErrors      map[string][]string `json:"validationErrors"`
	ExceptionMessage      *string             `json:"exceptionMessage"`
	ExceptionStackTrace   *string             `json:"exceptionStackTrace"`
	InnerExceptionMessage *string             `json:"innerExceptionMessage"`
}

// answer is what goes back to the caller once all is decided.
type answer struct {
	status    int
	header    http.Header
	body      []byte
	chunked   bool          // sent without a Content-Length
	delay     time.Duration // penalty to wait out before answering
	cut       bool          // reset the connection instead of answering
	silent    bool          // say nothing until the caller hangs up
	broken    bool          // break off in the middle of the body
	bodyDelay time.Duration // pause in the middle of the body
}

// ledgerStatus is 0 for what no caller can take for an answer.
func (a answer) ledgerStatus() int {
	if a.cut || a.silent {
		return 0
	}
	return a.status
}

// jsonAnswer writes as the API does: text unescaped, in chunks.
func jsonAnswer(status int, body any) answer {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil { // only plain structs and maps are passed in
		return errorAnswer(unhandled())
	}
	return answer{
		status: status, body: bytes.TrimSuffix(out.Bytes(), []byte("\n")), chunked: true,
		header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
	}
}

func errorAnswer(e *APIError) answer {
	return jsonAnswer(e.Status, errorModel{Object: "error", Message: e.Message, ValidationErrors: e.Validation})
}

// emptyAnswer is a status decided by the framework, which sends no body.
func emptyAnswer(status int) answer { return answer{status: status, header: http.Header{}} }

// challenge is the bodiless 401 of the authentication layer (PROTOCOL.md 2.4).
func challenge(scheme string) answer {
	a := emptyAnswer(http.StatusUnauthorized)
	a.header.Set("WWW-Authenticate", scheme)
	return a
}
