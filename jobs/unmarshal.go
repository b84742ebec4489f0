package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Unmarshal reads one JSON object into a flat struct, strictly: a name that is not a
// field to the letter, a name that is there twice, a value of another type and
// anything behind the object are refused. No message repeats a value, which may
// be an address or a token.
//
// A fault of the object as a whole has no field; see [FieldErrors.Naming].
func Unmarshal(object []byte, into any) FieldErrors {
	if wrong := checkNames(object, into); wrong != nil {
		return FieldErrors{*wrong}
	}
	d := json.NewDecoder(bytes.NewReader(object))
	if err := d.Decode(into); err != nil {
		return FieldErrors{wrongValue(err)}
	}
	if !bytes.HasPrefix(bytes.TrimSpace(object), []byte("{")) { // null decodes into anything
		return FieldErrors{notAnObject}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return FieldErrors{{Message: "must be one JSON object, with nothing after it"}}
	}
	return nil
}

// notAnObject is read-only.
var notAnObject = FieldError{Message: "must be a JSON object"}

// checkNames says which name of the object is not one of into's fields, or is
// there twice; nil if all is well. encoding/json would take "OrganizationId" for
// "organizationId", and the last of two; a sender who writes that has made a
// mistake that is better found today. The object's form is checked by decoding it.
func checkNames(object []byte, into any) *FieldError {
	seen := fieldNames(reflect.TypeOf(into))
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
		twice, known := seen[name]
		switch {
		case !known:
			return &FieldError{name, "is not a field of this object"}
		case twice:
			return &FieldError{name, "is there twice"}
		}
		seen[name] = true
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil
		}
	}
	return nil
}

// fieldNames are the JSON names of what a pointer to a struct points to, none
// of them seen yet.
func fieldNames(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(t.Elem()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names[name] = false
		}
	}
	return names
}

// wrongValue names the field that encoding/json complained about.
func wrongValue(err error) FieldError {
	wrongType, found := errors.AsType[*json.UnmarshalTypeError](err)
	if !found || wrongType.Field == "" {
		return notAnObject
	}
	return FieldError{wrongType.Field, fmt.Sprintf("must be a %s, not a %s", jsonType(wrongType.Type.Kind()), wrongType.Value)}
}

// jsonType is what JSON calls the types of our fields.
func jsonType(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Struct:
		return "object"
	}
	return "number"
}
