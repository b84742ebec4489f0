package api_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/api"
)

// document is loaded once: every answer of every test is held against it.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(api.Document)
})

// operation finds what a request asks for; templates match like the mux's.
func operation(doc *openapi3.T, method, path string) *routers.Route {
	given := strings.Split(path, "/")
	for template, item := range doc.Paths.Map() {
		if o := item.GetOperation(method); o != nil && matches(strings.Split(template, "/"), given) {
			return &routers.Route{Spec: doc, Path: template, PathItem: item, Method: method, Operation: o}
		}
	}
	return nil
}

func matches(template, path []string) bool {
	for i := range template {
		if i >= len(path) || (template[i] != path[i] && !strings.HasPrefix(template[i], "{")) {
			return false
		}
	}
	return len(template) == len(path)
}

// conforms fails the test if the document does not know the status, the content
// type or the shape of an answer. Requests that no operation is for are left out.
func conforms(t *testing.T, r *http.Request, a answer) {
	t.Helper()
	doc := jobstest.Value(document())(t)
	route := operation(doc, r.Method, r.URL.Path)
	if route == nil {
		return
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: route},
		Status:                 a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, ExcludeResponseBody: !strings.Contains(a.header.Get("Content-Type"), "json"),
		},
	}
	if err := openapi3filter.ValidateResponse(t.Context(), input); err != nil {
		t.Errorf("%s %s answered %d, which is not as documented: %v", r.Method, route.Path, a.status, err)
	}
}

func TestDocumentIsValidAndServed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc := jobstest.Value(document())(t)
	jobstest.Must(t, doc.Validate(t.Context()))
	a := b.get(t, "/openapi.yaml")
	jobstest.Equal(t, "status", a.status, http.StatusOK)
	jobstest.Equal(t, "served", string(a.body), string(api.Document))
}

func TestDocumentKnowsExactlyTheRoutes(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for path, item := range jobstest.Value(document())(t).Paths.Map() {
		for method := range item.Operations() {
			documented[method+" "+path] = true
		}
	}
	for _, pattern := range api.Patterns() {
		if !documented[pattern] {
			t.Errorf("%s is served and not documented", pattern)
		}
		delete(documented, pattern)
	}
	for pattern := range documented {
		t.Errorf("%s is documented and not served", pattern)
	}
}

// The document's lists must be those of the code.
func TestDocumentListsAreComplete(t *testing.T) {
	t.Parallel()
	schemas := jobstest.Value(document())(t).Components.Schemas
	var kinds []any
	for _, k := range jobs.Kinds() {
		if p, _ := k.Policy(); p.Public {
			kinds = append(kinds, string(k))
		}
	}
	for name, want := range map[string][]any{"Code": anys(fault.Codes()), "Status": anys(sponsorship.Statuses()), "Kind": kinds} {
		listed := map[any]bool{}
		for _, v := range schemas[name].Value.Enum {
			listed[v] = true
		}
		jobstest.Equal(t, "number of "+name, len(listed), len(want))
		for _, v := range want {
			if !listed[v] {
				t.Errorf("%s %v is not documented", name, v)
			}
		}
	}
}

func anys[T ~string](all []T) []any {
	out := make([]any, len(all))
	for i, v := range all {
		out[i] = string(v)
	}
	return out
}

// Generators of clients make types of named schemas, and text of what has a type:
// a body that is spelled out in place, or an enumeration without a type, becomes
// something that encodes as nothing (oapi-codegen).
func TestTheDocumentSuitsGenerators(t *testing.T) {
	t.Parallel()
	doc := jobstest.Value(document())(t)
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			for _, parameter := range o.Parameters {
				typed(t, method+" "+path+"?"+parameter.Value.Name, parameter.Value.Schema, map[*openapi3.Schema]bool{})
			}
			if o.RequestBody == nil {
				continue
			}
			for kind, media := range o.RequestBody.Value.Content {
				if media.Schema.Ref == "" && media.Schema.Value.OneOf != nil {
					t.Errorf("%s %s: the choice of its %s has no name", method, path, kind)
				}
			}
		}
	}
	for name, schema := range doc.Components.Schemas {
		typed(t, name, schema, map[*openapi3.Schema]bool{})
	}
}

func typed(t *testing.T, at string, ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	t.Helper()
	if ref == nil || seen[ref.Value] {
		return
	}
	s := ref.Value
	seen[s] = true
	if s.Type == nil && (len(s.Enum) > 0 || s.Const != nil) {
		t.Errorf("%s: its values have no type", at)
	}
	for name, property := range s.Properties {
		typed(t, at+"."+name, property, seen)
	}
	for _, choice := range s.OneOf {
		typed(t, at, choice, seen)
	}
	typed(t, at+"[]", s.Items, seen)
}
