package view

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// maxLimit is the most that one page of any list may hold.
const maxLimit = 1000

// LimitOf reads how much a page may hold, or returns what it holds where nobody says.
func LimitOf(q url.Values, otherwise int) (int, error) {
	text := q.Get("limit")
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, Invalid("limit", "must be a whole number from 1 to "+strconv.Itoa(maxLimit))
	}
	return n, nil
}

// NamesOf reads a field that may be repeated, or hold several names separated by commas.
func NamesOf(q url.Values, field string, known []string) ([]string, error) {
	names := strings.FieldsFunc(strings.Join(q[field], ","), func(c rune) bool { return c == ',' })
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, Invalid(field, "must be one of "+strings.Join(known, ", "))
		}
	}
	return names, nil
}

// CursorFault makes a fault of the request of a cursor that is none; another error stays.
func CursorFault(err error) error {
	if _, wrong := errors.AsType[*state.CursorError](err); wrong {
		return Invalid("cursor", "is not one of this list; start again without it")
	}
	return err
}

// StatusNames are all statuses, in their order.
func StatusNames() []string {
	var names []string
	for _, s := range sponsorship.Statuses() {
		names = append(names, string(s))
	}
	return names
}

// Statuses are those of the names, in the one order that cursors rely on.
func Statuses(names []string) (ordered []sponsorship.Status) {
	for _, s := range sponsorship.Statuses() {
		if slices.Contains(names, string(s)) {
			ordered = append(ordered, s)
		}
	}
	return ordered
}
