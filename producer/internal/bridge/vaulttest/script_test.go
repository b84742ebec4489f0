package vaulttest_test

import (
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
	want, steps := playScript(t, vaulttest.SQLite, 1)
	if len(want) == 0 {
		t.Fatal("nobody wishes anything")
	}
	for _, engine := range []vaulttest.Engine{vaulttest.PostgreSQL, vaulttest.MariaDB} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			got, did := playScript(t, engine, 1)
			if !slices.Equal(did, steps) || !slices.Equal(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

func TestScriptsDoEverythingSoonerOrLater(t *testing.T) {
	never := vaulttest.DefaultWeights()
	for seed := uint64(0); len(never) > 0; seed++ {
		if seed == 12 {
			t.Fatalf("in 12 scripts these never happened: %v", never)
		}
		_, did := playScript(t, vaulttest.SQLite, seed)
		for _, action := range did {
			delete(never, action)
		}
	}
}
