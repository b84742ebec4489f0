package cloudtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
)

// Types as the API names them when a value does not fit.
const (
	typeString   = "System.String"
	typeGUID     = "System.Guid"
	typeBoolean  = "System.Boolean"
	typeDate     = "System.Nullable`1[System.DateTime]"
	typePlan     = "Bit.Core.Enums.PlanSponsorshipType"
	typeRow      = "Bit.Core.Models.Api.Request.OrganizationSponsorships.OrganizationSponsorshipRequestModel"
	typeRows     = "System.Collections.Generic.IEnumerable`1[" + typeRow + "]"
	typeEnvelope = "Bit.Core.Models.Api.Request.OrganizationSponsorships.OrganizationSponsorshipSyncRequestModel"
	typeLicense  = "Bit.Core.Models.Api.Request.OrganizationLicenses.SelfHostedOrganizationLicenseRequestModel"
)

// binding is one body on its way into a model. It keeps the fault that comes
// first in the body, as a reader that goes front to back would meet it.
type binding struct {
	body    []byte
	fault   *APIError
	faultAt int64
}

// bindBody reads a body whose root must be an object (PROTOCOL.md 2.9).
func bindBody(ex *exchange, kind string) (*binding, *reader, *APIError) {
	if ex.bodyErr != nil || len(ex.body) > maxBody {
		return nil, nil, unhandled() // the reader's own exception, which no filter turns into a 4xx
	}
	b := &binding{body: unicodeBody(ex)}
	if len(b.body) == 0 {
		return nil, nil, modelState("", "A non-empty request body is required.")
	}
	root, err := parse(b.body)
	var syntax *syntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, nil, modelState(syntax.path, b.locate(syntax.text, syntax.path, syntax.at))
	case root.isNull():
		return nil, nil, modelState("", "A non-empty request body is required.")
	}
	return b, b.object(root, "$", kind), b.fault
}

// unicodeBody is the body in UTF-8 without a byte order mark.
func unicodeBody(ex *exchange) []byte {
	body := ex.body
	if _, set := contentType(ex.request); strings.HasPrefix(set, "utf-16") {
		units := make([]uint16, len(body)/2)
		for i := range units {
			units[i] = uint16(body[2*i]) | uint16(body[2*i+1])<<8
		}
		body = []byte(string(utf16.Decode(units)))
	}
	return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
}

// contentType is the type and the charset in lower case, empty when unreadable.
func contentType(r *http.Request) (kind, charset string) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return "", ""
	}
	return kind, strings.ToLower(params["charset"])
}

// locate adds path, line and column, which count from 0, to a text.
func (b *binding) locate(text, path string, at int64) string {
	before := b.body[:min(at, int64(len(b.body)))]
	column := len(before) - 1 - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("%s Path: %s | LineNumber: %d | BytePositionInLine: %d.", text, path, bytes.Count(before, []byte("\n")), column)
}

func (b *binding) unfit(v value, path, kind string) {
	if b.fault == nil || v.end < b.faultAt {
		text := fmt.Sprintf("The JSON value could not be converted to %s.", kind)
		b.fault, b.faultAt = modelState(path, b.locate(text, path, v.end)), v.end
	}
}

// object is a reader of an object's members; of anything else it is empty.
func (b *binding) object(v value, path, kind string) *reader {
	if v.members == nil {
		b.unfit(v, path, kind)
	}
	return &reader{binding: b, members: v.members, path: path}
}

// reader takes typed members out of one object.
type reader struct {
	*binding
	members map[string]value
	path    string
}

func (r *reader) member(name string) (v value, path string, given bool) {
	v, given = r.members[strings.ToLower(name)]
	return v, r.path + "." + name, given
}

// text reads a nullable string.
func (r *reader) text(name string) *string { return r.textOf(name, typeString) }

func (r *reader) textOf(name, kind string) *string {
	v, path, _ := r.member(name)
	if v.isNull() {
		return nil
	}
	s, ok := v.token.(string)
	if !ok {
		r.unfit(v, path, kind)
		return nil
	}
	return &s
}

// guid reads a GUID in its hyphenated form only; absent is all zeros, null a fault.
func (r *reader) guid(name string) string {
	v, path, given := r.member(name)
	if !given {
		return uuid.Nil.String()
	}
	if s, ok := v.token.(string); ok && len(s) == 36 {
		if id, err := uuid.Parse(s); err == nil {
			return id.String()
		}
	}
	r.unfit(v, path, typeGUID)
	return uuid.Nil.String()
}

// octet reads a number of one byte, never a quoted one; absent is 0, null a fault.
func (r *reader) octet(name string) int {
	v, path, given := r.member(name)
	if !given {
		return 0
	}
	number, _ := v.token.(json.Number)
	n, err := strconv.ParseUint(number.String(), 10, 8)
	if err != nil {
		r.unfit(v, path, typePlan)
	}
	return int(n)
}

// flag reads a JSON boolean and nothing that resembles one; absent is false.
func (r *reader) flag(name string) bool {
	v, path, given := r.member(name)
	set, ok := v.token.(bool)
	if given && !ok {
		r.unfit(v, path, typeBoolean)
	}
	return set
}

// isoDate is the form of date that the API reads; seconds, fraction and offset
// may be missing.
var isoDate = regexp.MustCompile(`^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,16})?)?(Z|[+-]\d\d:\d\d)?)?$`)

// date reads a nullable ISO 8601 date; a missing offset is taken as UTC.
func (r *reader) date(name string) *time.Time {
	s := r.textOf(name, typeDate)
	if s == nil {
		return nil
	}
	if isoDate.MatchString(*s) {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly} {
			if t, err := time.Parse(layout, *s); err == nil {
				t = t.UTC().Truncate(100 * time.Nanosecond)
				return &t
			}
		}
	}
	v, path, _ := r.member(name)
	r.unfit(v, path, typeDate)
	return nil
}
