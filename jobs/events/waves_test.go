package events_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

func TestWavesKeepTheOrderOfEachKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 40).Draw(t, "keys")
		size := rapid.IntRange(1, 5).Draw(t, "size")
		batch := make([]events.Encoded, len(keys))
		for i, key := range keys {
			batch[i].Key = key
		}
		lastWave, lastIndex := map[string]int{}, map[string]int{}
		seen := 0
		for w, wave := range events.Waves(batch, size) {
			if len(wave) == 0 || len(wave) > size {
				t.Fatalf("wave %d has %d events of at most %d", w, len(wave), size)
			}
			for _, i := range wave {
				seen++
				key := keys[i]
				if last, ok := lastWave[key]; ok && (last >= w || lastIndex[key] >= i) {
					t.Fatalf("event %d of key %s in wave %d comes after event %d in wave %d", i, key, w, lastIndex[key], last)
				}
				lastWave[key], lastIndex[key] = w, i
			}
		}
		if seen != len(keys) { // with the order above: each exactly once
			t.Fatalf("%d events in waves, %d in the batch", seen, len(keys))
		}
	})
}

func TestWavesOfDifferentKeysAreOneWave(t *testing.T) {
	t.Parallel()
	batch := []events.Encoded{{Key: "a"}, {Key: "b"}, {Key: "c"}}
	jobstest.Equal(t, "waves", len(events.Waves(batch, 10)), 1)
}
