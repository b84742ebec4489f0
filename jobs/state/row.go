package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
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

// rowVersion is the form in which [EncodeRow] stores a record. Version 1 is read on
// (plain.go), and written as long as a program lives beside that knows no other.
const rowVersion = 2

// RowForm names it.
const RowForm = "2"

// EncodeRow is a record as the rows hash holds it, "revision status json": what
// scripts must know of it stands in front. What a newer program wrote beside it
// is kept.
func EncodeRow(s sponsorship.Sponsorship) (string, error) {
	return encode(s, pack(s))
}

// PackedSafety is the safety level from which on a worker reads packed records.
const PackedSafety = 2

// BatchSafety is the safety level from which on a worker reads batches of jobs: they came
// with the same release.
const BatchSafety = PackedSafety

// Encoder is [EncodeRow], or [EncodePlain] while a worker lives that reads nothing else.
func (l *Ledger) Encoder(ctx context.Context) (func(sponsorship.Sponsorship) (string, error), error) {
	older := false
	if l.Older != nil {
		older = l.Older()
	} else {
		workers, err := l.Workers(ctx)
		if err != nil {
			return nil, err
		}
		_, older = Older(workers, PackedSafety)
	}
	if older {
		return EncodePlain, nil
	}
	return EncodeRow, nil
}

func encode(s sponsorship.Sponsorship, form any) (string, error) {
	text, err := json.Marshal(form)
	if err == nil && s.Unknown != "" {
		text, err = merge(text, []byte(s.Unknown))
	}
	if err != nil {
		return "", fmt.Errorf("encode sponsorship %s: %w", s.UserID, err)
	}
	return fmt.Sprintf("%d %s %s", s.Revision, s.Status, text), nil
}

// DecodeRow reads what EncodeRow wrote for a member of an organization. The error is
// [ErrNewer] when a newer program must read it.
func DecodeRow(org, user sponsorship.ID, value string) (sponsorship.Sponsorship, error) {
	s, _, err := decode(sponsorship.Sponsorship{OrganizationID: org, UserID: user}, value)
	return s, err
}

// Recoded is a record as [EncodeRow] stores it now, or "" where it is stored so.
func Recoded(org, user sponsorship.ID, value string) (string, error) {
	s, stored, err := decode(sponsorship.Sponsorship{OrganizationID: org, UserID: user}, value)
	if err != nil || stored >= rowVersion {
		return "", err
	}
	return EncodeRow(s)
}

// decode also returns the version in which the record is stored.
func decode(s sponsorship.Sponsorship, value string) (sponsorship.Sponsorship, int, error) {
	var head struct {
		Version int `json:"v"`
	}
	parts := strings.SplitN(value, " ", 3)
	if len(parts) != 3 {
		return sponsorship.Sponsorship{}, 0, errors.New("decode sponsorship: the record is not of this program's making")
	}
	text := []byte(parts[2])
	err := json.Unmarshal(text, &head)
	switch {
	case err == nil && head.Version > rowVersion:
		return sponsorship.Sponsorship{}, head.Version, ErrNewer
	case err == nil && head.Version == rowVersion:
		s.Status = sponsorship.Status(parts[1])
		s.Revision, err = strconv.ParseUint(parts[0], 10, 64)
		if err == nil {
			s, err = unpack(s, text)
		}
	case err == nil:
		s, err = decodePlain(text)
	}
	if err != nil {
		return sponsorship.Sponsorship{}, 0, fmt.Errorf("decode sponsorship: %w", err)
	}
	return s, head.Version, nil
}

// strictly reads JSON that has no member which the value does not know, and reports
// whether it could: nearly always.
func strictly(text []byte, into any) bool {
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	return strict.Decode(into) == nil
}

// members are the parts of a JSON object.
type members map[string]json.RawMessage

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
