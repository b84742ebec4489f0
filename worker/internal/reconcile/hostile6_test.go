//go:build hostile

package reconcile_test

import (
	"strings"
	"testing"
	"time"
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

func TestHostile500AfterInsertMailsNobody(t *testing.T) {
	b := setup(t)
	c := withRacy(t, b, 5*time.Second)
	c.mute = map[int]bool{1: true}
	b.mustFull()
	for n := 1; n <= 100; n++ {
		b.redeem(n)
	}
	t.Log("first:", b.pending())
	b.clockOff.Add(int64(time.Minute))
	t.Log("second:", b.pending())
	sent := 0
	for n := 1; n <= 100; n++ {
		if b.get(n).Status == "sent" && b.get(n).Reason == nil {
			sent++
		}
	}
	t.Log("rows that say sent, without a reason:", sent, "mails:", len(c.mails))
}
