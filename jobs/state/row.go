package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// version stands in everything that is stored. It is raised only when an older
// program would misread what a newer one writes; a new member alone does not.
const version = 1

// ErrNewer says that a newer program stored this in a form that this one would
// misread.
//
// It is a snooze: a job that meets it uses no attempt, until a newer worker has it.
var ErrNewer = jobs.Snooze(time.Minute, "a newer version of sponsorsync stored this: update this program; it is left alone until then")

// record is a sponsorship with the version of its form.
type record struct {
	Version int `json:"v"`
	sponsorship.Sponsorship
}

// EncodeRow is a record as the rows hash holds it, "revision status json": what
// scripts must know of it stands in front. What a newer program wrote beside it
// is kept.
func EncodeRow(s sponsorship.Sponsorship) (string, error) {
	text, err := json.Marshal(record{version, s})
	if err == nil && s.Unknown != "" {
		text, err = merge(text, []byte(s.Unknown))
	}
	if err != nil {
		return "", fmt.Errorf("encode sponsorship %s: %w", s.UserID, err)
	}
	return fmt.Sprintf("%d %s %s", s.Revision, s.Status, text), nil
}

// DecodeRow reads what EncodeRow wrote. The error is [ErrNewer] when a newer
// program must read it.
func DecodeRow(value string) (sponsorship.Sponsorship, error) {
	parts := strings.SplitN(value, " ", 3)
	if len(parts) != 3 {
		return sponsorship.Sponsorship{}, errors.New("decode sponsorship: the record is not of this program's making")
	}
	s, err := decodeRecord([]byte(parts[2]))
	if err != nil {
		return sponsorship.Sponsorship{}, fmt.Errorf("decode sponsorship: %w", err)
	}
	return s, nil
}

func decodeRecord(text []byte) (sponsorship.Sponsorship, error) {
	var head struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return sponsorship.Sponsorship{}, err
	}
	if head.Version > version {
		return sponsorship.Sponsorship{}, ErrNewer
	}
	var r record
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if strict.Decode(&r) == nil { // nearly always
		return r.Sponsorship, nil
	}
	r = record{}
	if err := json.Unmarshal(text, &r); err != nil {
		return sponsorship.Sponsorship{}, err
	}
	var err error
	r.Unknown, err = unknown(text)
	return r.Sponsorship, err
}

// members are the parts of a JSON object.
type members map[string]json.RawMessage

// unknown is what of a record this program does not know, of its wire part too.
func unknown(text []byte) (string, error) {
	rest, wire, err := split(text)
	if err != nil {
		return "", err
	}
	for _, name := range append(names(reflect.TypeFor[sponsorship.Sponsorship]()), "v") {
		delete(rest, name)
	}
	for _, name := range names(reflect.TypeFor[sponsorship.Wire]()) {
		delete(wire, name)
	}
	return join(rest, wire)
}

// merge adds the unknown members to a record.
func merge(text, unknown []byte) ([]byte, error) {
	all, wire, err := split(text)
	if err != nil {
		return nil, err
	}
	more, moreWire, err := split(unknown)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, more)
	maps.Copy(wire, moreWire)
	merged, err := join(all, wire)
	return []byte(merged), err
}

// split parts a record from its wire part.
func split(text []byte) (rest, wire members, err error) {
	if err := json.Unmarshal(text, &rest); err != nil {
		return nil, nil, err
	}
	wire = members{}
	if part, found := rest["wire"]; found {
		err = json.Unmarshal(part, &wire)
	}
	delete(rest, "wire")
	return rest, wire, err
}

// join puts together what split has parted; "" when nothing is there.
func join(rest, wire members) (string, error) {
	if len(wire) > 0 {
		part, err := json.Marshal(wire)
		if err != nil {
			return "", err
		}
		rest["wire"] = part
	}
	if len(rest) == 0 {
		return "", nil
	}
	text, err := json.Marshal(rest)
	return string(text), err
}

// names are the JSON names of a struct's fields.
func names(t reflect.Type) []string {
	all := make([]string, t.NumField())
	for i := range all {
		all[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return all
}
