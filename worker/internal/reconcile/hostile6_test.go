//go:build hostile

package reconcile_test

import (
	"strings"
	"testing"
)

// A newer worker has written a row with one more field; an older one takes its turn.
func TestHostileOlderWorkerDropsFields(t *testing.T) {
	b := setup(t)
	b.redeem(1)
	keys, _ := b.rdb.Keys(t.Context(), "*:rows").Result()
	text, _ := b.rdb.HGet(t.Context(), keys[0], string(user(1))).Result()
	b.rdb.HSet(t.Context(), keys[0], string(user(1)), strings.Replace(text, `"wire":{`, `"wire":{"holdUntil":"2026-12-01T00:00:00Z"`, 1))
	b.mustFull()
	text, _ = b.rdb.HGet(t.Context(), keys[0], string(user(1))).Result()
	t.Log("the newer worker's field is still there:", strings.Contains(text, "holdUntil"))
}
