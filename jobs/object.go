package jobs

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// ExactNames says which name of a JSON object is not one of into's fields to the
// letter, or is there twice; nil if all is well. encoding/json would take
// "OrganizationId" for "organizationId", and the last of two; a sender who
// writes that has made a mistake that is better found today. The object's form
// is checked by decoding it.
func ExactNames(object []byte, into any) *FieldError {
	allowed := fieldNames(reflect.TypeOf(into))
	d := json.NewDecoder(bytes.NewReader(object))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil
	}
	for d.More() {
		token, err := d.Token()
		name, isName := token.(string)
		if err != nil || !isName {
			return nil
		}
		taken, known := allowed[name]
		switch {
		case !known:
			return &FieldError{name, "is not a field of this kind"}
		case taken:
			return &FieldError{name, "is there twice"}
		}
		allowed[name] = true
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil
		}
	}
	return nil
}

// fieldNames are the JSON names of a struct, or of what a pointer points to.
func fieldNames(t reflect.Type) map[string]bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names[name] = false
		}
	}
	return names
}
