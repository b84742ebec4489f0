package license

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// fields are the members of the document, in its order, by their PascalCase names.
type fields []field

type field struct {
	name  string
	value json.RawMessage
}

var errNotOneObject = errors.New("it is not one JSON object")

// readFields takes the top level apart and keeps each value's own bytes, so that
// no number changes its form. A name that comes twice, in whatever case, is
// refused: two readers could each see another value.
func readFields(raw []byte) (fields, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errNotOneObject
	}
	var all fields
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errNotOneObject
		}
		f := field{name: pascal(name.(string))} // the decoder allows no other key
		if err := d.Decode(&f.value); err != nil {
			return nil, errNotOneObject
		}
		if slices.ContainsFunc(all, func(g field) bool { return strings.EqualFold(f.name, g.name) }) {
			return nil, fmt.Errorf("the field %.40q comes twice", f.name)
		}
		all = append(all, f)
	}
	if _, err := d.Token(); err != nil {
		return nil, errNotOneObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotOneObject
	}
	return all, nil
}

// pascal undoes the camelCase of the wire (PROTOCOL.md 4.1): the first letter only.
func pascal(name string) string {
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

func (all fields) get(name string) json.RawMessage {
	for _, f := range all {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// file renders the document as the official server keeps it: PascalCase,
// indented. Values, nested ones too, stay byte for byte but for white space.
func (all fields) file() ([]byte, error) {
	var flat, pretty bytes.Buffer
	flat.WriteByte('{')
	for i, f := range all {
		if i > 0 {
			flat.WriteByte(',')
		}
		name, err := json.Marshal(f.name)
		if err != nil {
			return nil, fmt.Errorf("encode license field: %w", err)
		}
		flat.Write(name)
		flat.WriteByte(':')
		flat.Write(f.value)
	}
	flat.WriteByte('}')
	if err := json.Indent(&pretty, flat.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("indent license: %w", err)
	}
	return pretty.Bytes(), nil
}

// unreadable names the field that has the wrong type, and nothing of its value.
func unreadable(err error) string {
	if wrongType, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrongType.Field != "" {
		return fmt.Sprintf("the field %s has another type than expected", wrongType.Field)
	}
	return "a date in it has another form than expected"
}
