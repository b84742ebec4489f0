package cloud

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/google/uuid"
)

// decodeSync reads the answer to a batch. asked holds the users of the batch in
// lower case. A row too many means that this is somebody else's answer, so none
// of it is believed; and since nothing is read behind it, no answer takes more memory
// than its batch deserves.
func decodeSync(raw []byte, asked map[string]bool) ([]RowAnswer, error) {
	if !json.Valid(raw) {
		return nil, errNotJSON
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return nil, errNotJSON
	}
	var answers []RowAnswer
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return nil, errNotJSON
		}
		if text, _ := name.(string); !strings.EqualFold(text, "sponsorshipsBatch") {
			if skip(in) != nil {
				return nil, errNotJSON
			}
			continue
		}
		if answers, err = decodeRows(in, asked); err != nil {
			return nil, err
		}
	}
	if answers == nil {
		return nil, errNoBatch
	}
	return answers, nil
}

// skip passes over one value without keeping it.
func skip(in *json.Decoder) error {
	for depth := 0; ; {
		t, err := in.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// decodeRows returns nil for null, which is no batch.
func decodeRows(in *json.Decoder, asked map[string]bool) ([]RowAnswer, error) {
	switch t, err := in.Token(); {
	case err != nil, t != nil && t != json.Delim('['):
		return nil, errNotJSON
	case t == nil:
		return nil, nil
	}
	answers := make([]RowAnswer, 0, len(asked))
	seen := make(map[string]bool, len(asked))
	for in.More() {
		var row wireRowAnswer
		if err := in.Decode(&row); err != nil {
			return nil, errNotJSON
		}
		user, err := uuid.Parse(row.User)
		if err != nil || !asked[user.String()] {
			return nil, errNotAsked
		}
		if seen[user.String()] {
			return nil, errTwice
		}
		seen[user.String()] = true
		answers = append(answers, RowAnswer{
			UserID: user.String(), Removed: row.Removed, ToDelete: row.ToDelete,
			ValidUntil: row.ValidUntil.Pointer(), LastSyncDate: row.LastSyncDate.Pointer(),
		})
	}
	if _, err := in.Token(); err != nil {
		return nil, errNotJSON
	}
	return answers, nil
}
