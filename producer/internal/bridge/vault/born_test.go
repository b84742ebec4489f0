package vault_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

func TestBornReadsTheTimeInAnID(t *testing.T) {
	got := vault.Born("00000000-0000-0000-0000-ae5600c90cc1")
	if want := time.Date(2022, 3, 12, 12, 12, 0, 0, time.UTC); got.Sub(want).Abs() > time.Second/300 {
		t.Errorf("born %s, want %s", got, want)
	}
	for _, foreign := range []string{"", "short", "00000000-0000-0000-0000-ae56ffffffff", "00000000-0000-0000-0000-zzzzzzzzzzzz"} {
		if got := vault.Born(foreign); !got.IsZero() {
			t.Errorf("Born(%q) = %s, want none", foreign, got)
		}
	}
}
