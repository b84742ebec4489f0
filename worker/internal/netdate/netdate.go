// Package netdate reads dates as .NET writes them into JSON: RFC 3339, or without
// an offset when the database did not say, which is UTC then. It never writes any.
package netdate

import (
	"encoding/json"
	"errors"
	"time"
)

// errForm quotes nothing: the text is somebody else's.
var errForm = errors.New("it is not a date as .NET writes it")

// Date is such a date, in UTC.
type Date struct{ time.Time }

// UnmarshalJSON reads both forms; null leaves the date as it is.
func (d *Date) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			d.Time = at.UTC()
			return nil
		}
	}
	return errForm
}

// Pointer returns the time, or nil for a date that is missing.
func (d *Date) Pointer() *time.Time {
	if d == nil {
		return nil
	}
	at := d.Time
	return &at
}
