package cloudtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// members is a JSON object with its names in lower case: the API's JSON reader
// ignores case, takes the last of equal names and skips unknown ones.
type members map[string]json.RawMessage

// bindBody reads a request body whose root must be an object (fact sheet 2.9).
func bindBody(ex *exchange) (members, *APIError) {
	if ex.bodyErr != nil || len(ex.body) > maxBody {
		return nil, unhandled() // the reader's own exception, which no filter turns into a 4xx
	}
	trimmed := bytes.TrimSpace(ex.body)
	if len(trimmed) == 0 || string(trimmed) == "null" {
		return nil, modelState("", "A non-empty request body is required.")
	}
	return bindObject(trimmed, "$")
}

func bindObject(raw []byte, path string) (members, *APIError) {
	var named map[string]json.RawMessage
	if err := json.Unmarshal(raw, &named); err != nil {
		return nil, unreadable(path, "object")
	}
	folded := make(members, len(named))
	for name, value := range named {
		folded[strings.ToLower(name)] = value
	}
	return folded, nil
}

func unreadable(path, kind string) *APIError {
	return modelState(path, fmt.Sprintf("The JSON value could not be converted to %s. Path: %s.", kind, path))
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// reader takes typed members out of one object and keeps the first fault.
type reader struct {
	members
	path  string
	fault *APIError
}

func (r *reader) fail(name, kind string) {
	if r.fault == nil {
		r.fault = unreadable(r.path+"."+name, kind)
	}
}

// text reads a nullable string.
func (r *reader) text(name string) *string {
	raw := r.members[strings.ToLower(name)]
	if isNull(raw) {
		return nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		r.fail(name, "System.String")
		return nil
	}
	return &s
}

// guid reads a GUID in its hyphenated form only; absent is all zeros, null a fault.
func (r *reader) guid(name string) string {
	raw, given := r.members[strings.ToLower(name)]
	if !given {
		return uuid.Nil.String()
	}
	var s string
	if !isNull(raw) && json.Unmarshal(raw, &s) == nil && len(s) == 36 {
		if id, err := uuid.Parse(s); err == nil {
			return id.String()
		}
	}
	r.fail(name, "System.Guid")
	return uuid.Nil.String()
}

// octet reads a number of one byte, quoted or not; absent is 0, null a fault.
func (r *reader) octet(name string) int {
	raw, given := r.members[strings.ToLower(name)]
	if !given {
		return 0
	}
	n, err := strconv.ParseUint(strings.Trim(string(raw), `"`), 10, 8)
	if err != nil {
		r.fail(name, "System.Byte")
	}
	return int(n)
}

// flag reads a JSON boolean and nothing that resembles one; absent is false.
func (r *reader) flag(name string) bool {
	raw, given := r.members[strings.ToLower(name)]
	if given && string(raw) != "true" && string(raw) != "false" {
		r.fail(name, "System.Boolean")
	}
	return string(raw) == "true"
}

// date reads a nullable ISO 8601 date; a missing offset is taken as UTC.
func (r *reader) date(name string) *time.Time {
	s := r.text(name)
	if s == nil {
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, *s); err == nil {
			t = t.UTC().Truncate(100 * time.Nanosecond)
			return &t
		}
	}
	r.fail(name, "System.DateTime")
	return nil
}
