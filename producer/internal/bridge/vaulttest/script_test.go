package vaulttest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// steadily is a clock that moves by a second at each look at it.
func steadily() func() time.Time {
	now := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

// playScript returns what the people of a script wish after some steps, and what was done.
func playScript(t *testing.T, engine vaulttest.Engine, seed uint64) (wishes []vaulttest.Offered, did []vaulttest.Action) {
	t.Helper()
	v := vaulttest.New(t, engine, vaulttest.Setup{Clock: steadily(), Seed: seed})
	script := jobstest.Value(vaulttest.NewScript(t.Context(), v, seed, vaulttest.DefaultWeights()))(t)
	for range 60 {
		did = append(did, jobstest.Value(script.Step(t.Context()))(t))
	}
	jobstest.Must(t, script.Rest(t.Context()))
	for _, wish := range script.Wishes() {
		if least, most := script.Mails(wish.Email); most < 1 || least > most {
			t.Errorf("%s stands, and is to get %d to %d mails", wish.Email, least, most)
		}
	}
	return script.Wishes(), did
}

// What people wish does not depend on the engine below.
func TestTheSameScriptEndsInTheSameWishesOnEachEngine(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			want, steps := playScript(t, vaulttest.SQLite, seed)
			if len(want) == 0 {
				t.Fatal("nobody wishes anything")
			}
			for _, engine := range []vaulttest.Engine{vaulttest.PostgreSQL, vaulttest.MariaDB} {
				got, did := playScript(t, engine, seed)
				if !slices.Equal(did, steps) || !slices.Equal(got, want) {
					t.Errorf("%s:\n got %v\nwant %v", engine, got, want)
				}
			}
		})
	}
}

func TestAScriptDoesEverything(t *testing.T) {
	done := map[vaulttest.Action]bool{}
	for seed := range uint64(12) {
		_, did := playScript(t, vaulttest.SQLite, seed)
		for _, action := range did {
			done[action] = true
		}
	}
	for action := range vaulttest.DefaultWeights() {
		if !done[action] {
			t.Errorf("in 12 scripts it never happened that %s", action)
		}
	}
}
