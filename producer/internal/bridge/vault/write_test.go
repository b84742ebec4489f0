package vault_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

func TestAWriteSetsOnlyWhatDiffers(t *testing.T) {
	at := time.Date(2026, 8, 20, 19, 16, 19, 123456000, time.UTC)
	finer, later := at.Add(700*time.Nanosecond), at.Add(time.Microsecond)
	for name, c := range map[string]struct {
		write vault.Write
		want  [3]bool
	}{
		"nothing":            {vault.Write{Was: vault.Row{Marked: true, Synced: &at}, Marked: true, Synced: &finer}, [3]bool{}},
		"the first date":     {vault.Write{Synced: &at}, [3]bool{false, true, false}},
		"a later date":       {vault.Write{Was: vault.Row{ValidUntil: &at}, ValidUntil: &later}, [3]bool{false, false, true}},
		"no date any more":   {vault.Write{Was: vault.Row{Synced: &at, ValidUntil: &at}}, [3]bool{false, true, true}},
		"a mark":             {vault.Write{Marked: true}, [3]bool{true, false, false}},
		"a mark taken back":  {vault.Write{Was: vault.Row{Marked: true}}, [3]bool{true, false, false}},
		"all three of a row": {vault.Write{Marked: true, Synced: &at, ValidUntil: &later}, [3]bool{true, true, true}},
	} {
		marked, synced, until := c.write.Sets()
		if got := [3]bool{marked, synced, until}; got != c.want {
			t.Errorf("%s: sets mark, date, end %v, want %v", name, got, c.want)
		}
	}
}
