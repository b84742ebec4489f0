package state

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// packed is version 2 of a record. There may be a million, so it says nothing twice:
// the ids are in the key and the field, revision and status in front of it, and what
// is the same as another part is left out.
type packed struct {
	Version int                 `json:"v"`
	Email   string              `json:"e,omitempty"`
	Name    *string             `json:"n,omitempty"` // nil: the address
	Flags   string              `json:"f,omitempty"` // see flags
	Intent  sponsorship.Intent  `json:"i,omitempty"`
	Reason  *sponsorship.Reason `json:"r,omitempty"`
	Synced  *instant            `json:"s,omitempty"`
	Updated *instant            `json:"u,omitempty"` // nil: when it was synced
	Until   *instant            `json:"t,omitempty"`
	Job     string              `json:"j,omitempty"` // a UUID in 22 characters, or anything else behind "="
	Offered string              `json:"o,omitempty"` // where it is another address than the wanted one
	Asked   *instant            `json:"a,omitempty"`
	Held    *instant            `json:"h,omitempty"`
	Silence int                 `json:"z,omitempty"`
}

// offered is the flag of a row whose wanted address has left.
const offered = "o"

// flag is a letter that stands for something which is so.
type flag struct {
	letter string
	set    *bool
}

// flags are the letters of a record's flags. There will be no others: an older
// program keeps members that it does not know, and not letters.
func flags(s *sponsorship.Sponsorship) []flag {
	return []flag{
		{"a", &s.AdminInitiated}, {"v", &s.Vault}, {"k", &s.Wire.Known}, {"d", &s.Wire.Adopted}, {"l", &s.Wire.Leaving},
		{"c", &s.Wire.Unconfirmed}, {"t", &s.Wire.Tombstoned}, {"p", &s.Wire.Poison}, {"u", &s.Wire.Unsure}, {"n", &s.Wire.Anew},
	}
}

func pack(s sponsorship.Sponsorship) packed {
	p := packed{
		Version: rowVersion, Email: s.Email, Intent: s.Intent, Reason: s.Reason, Job: packJob(s.JobID), Offered: s.Wire.Offered,
		Synced: instantOf(s.LastSyncAt), Updated: instantOf(&s.UpdatedAt), Until: instantOf(s.ValidUntil), Silence: s.Wire.Silences,
	}
	if s.Name != s.Email {
		p.Name = &s.Name
	}
	for _, f := range flags(&s) {
		if *f.set {
			p.Flags += f.letter
		}
	}
	if s.Email != "" && s.Wire.Offered == s.Email {
		p.Flags, p.Offered = p.Flags+offered, ""
	}
	if s.LastSyncAt != nil && s.UpdatedAt.Equal(*s.LastSyncAt) || s.LastSyncAt == nil && s.UpdatedAt.IsZero() {
		p.Updated = nil
	}
	if !s.Wire.AskedAt.IsZero() {
		p.Asked = instantOf(&s.Wire.AskedAt)
	}
	if !s.Wire.HeldUntil.IsZero() {
		p.Held = instantOf(&s.Wire.HeldUntil)
	}
	return p
}

// unpack adds to what is known of a record what pack made of the rest.
func unpack(s sponsorship.Sponsorship, text []byte) (sponsorship.Sponsorship, error) {
	var p packed
	if !strictly(text, &p) {
		p = packed{}
		if err := json.Unmarshal(text, &p); err != nil {
			return s, err
		}
		var rest members
		if err := json.Unmarshal(text, &rest); err != nil {
			return s, err
		}
		for _, name := range names(reflect.TypeFor[packed]()) {
			delete(rest, name)
		}
		var err error
		if s.Unknown, err = join(rest, nil); err != nil {
			return s, err
		}
	}
	s.Email, s.Name, s.Intent, s.Reason, s.Wire.Offered, s.Wire.Silences = p.Email, p.Email, p.Intent, p.Reason, p.Offered, p.Silence
	if p.Name != nil {
		s.Name = *p.Name
	}
	for _, f := range flags(&s) {
		*f.set = strings.Contains(p.Flags, f.letter)
	}
	if strings.Contains(p.Flags, offered) {
		s.Wire.Offered = s.Email
	}
	s.LastSyncAt, s.ValidUntil, s.UpdatedAt = p.Synced.pointer(), p.Until.pointer(), p.Updated.time()
	if p.Updated == nil {
		s.UpdatedAt = p.Synced.time()
	}
	s.Wire.AskedAt, s.Wire.HeldUntil = p.Asked.time(), p.Held.time()
	var err error
	s.JobID, err = unpackJob(p.Job)
	return s, err
}

func packJob(id string) string {
	parsed, err := uuid.Parse(id)
	switch {
	case err == nil && parsed.String() == id:
		return base64.RawURLEncoding.EncodeToString(parsed[:])
	case id == "":
		return ""
	}
	return "=" + id
}

func unpackJob(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if id, as := strings.CutPrefix(text, "="); as {
		return id, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("the id of its job: %w", err)
	}
	id, err := uuid.FromBytes(raw)
	return id.String(), err
}

// instant is a time in Unix milliseconds, or as text where that would cut it: the
// cloud's dates are finer.
type instant time.Time

func instantOf(t *time.Time) *instant {
	if t == nil {
		return nil
	}
	i := instant(t.UTC())
	return &i
}

func (i *instant) time() time.Time {
	if i == nil {
		return time.Time{}
	}
	return time.Time(*i)
}

func (i *instant) pointer() *time.Time {
	if i == nil {
		return nil
	}
	t := i.time()
	return &t
}

// MarshalJSON implements json.Marshaler.
func (i instant) MarshalJSON() ([]byte, error) {
	if t := time.Time(i); t.Nanosecond()%int(time.Millisecond) != 0 {
		return json.Marshal(t)
	}
	return json.Marshal(time.Time(i).UnixMilli())
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *instant) UnmarshalJSON(text []byte) error {
	var t time.Time
	if strings.HasPrefix(string(text), `"`) {
		if err := json.Unmarshal(text, &t); err != nil {
			return err
		}
		*i = instant(t.UTC())
		return nil
	}
	var ms int64
	if err := json.Unmarshal(text, &ms); err != nil {
		return err
	}
	*i = instant(time.UnixMilli(ms).UTC())
	return nil
}
