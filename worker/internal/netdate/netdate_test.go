package netdate_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/worker/internal/netdate"
)

func TestDate(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		`"2026-08-20T12:00:00Z"`:         noon,
		`"2026-08-20T14:00:00+02:00"`:    noon,
		`"2026-08-20T12:00:00"`:          noon,
		`"2026-08-20T12:00:00.1234567"`:  noon.Add(123456700),
		`"2026-08-20T12:00:00.1234567Z"`: noon.Add(123456700),
	} {
		var got *netdate.Date
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Pointer().Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %v, %v; want %s", text, got.Pointer(), err, want)
		}
	}
}

func TestNoDate(t *testing.T) {
	t.Parallel()
	got := new(netdate.Date)
	if err := json.Unmarshal([]byte(`null`), &got); err != nil || got.Pointer() != nil {
		t.Errorf("null: %v, %v", got, err)
	}
	for _, text := range []string{`"canary"`, `""`, `5`, `"2026-08-20"`, `{}`} {
		var d netdate.Date
		if err := json.Unmarshal([]byte(text), &d); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
