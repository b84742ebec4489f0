package reconcile_test

import (
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// stored changes the text of a member's record, and returns it.
func (b *bundle) stored(n int, edit func(string) string) string {
	b.t.Helper()
	key := state.Key(org, "rows")
	text := jobstest.Value(b.rdb.HGet(b.t.Context(), key, string(user(n))).Result())(b.t)
	if edit != nil {
		jobstest.Must(b.t, b.rdb.HSet(b.t.Context(), key, string(user(n)), edit(text)).Err())
	}
	return text
}

// A newer worker has written one more member; an older one takes its turn.
func TestAnOlderWorkersSyncKeepsWhatItDoesNotKnow(t *testing.T) {
	b := setup(t)
	b.redeem(1)
	b.stored(1, func(text string) string {
		return strings.Replace(text, `{"v":2,`, `{"v":2,"mark":1,"holdUntil":"2026-12-01T00:00:00Z",`, 1)
	})
	b.mustFull()
	text := b.stored(1, nil)
	for _, want := range []string{" sent {", `"holdUntil":"2026-12-01T00:00:00Z"`, `"mark":1`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
}

// The record of a newer version is neither sent nor rewritten, and nobody is
// told of a failure that is none.
func TestAnOlderWorkersSyncLeavesANewerRecordAlone(t *testing.T) {
	b := setup(t)
	b.redeem(1)
	b.stored(1, func(text string) string { return strings.Replace(text, `"v":2`, `"v":3`, 1) })
	before := b.stored(1, nil)
	if err := b.full(); !strings.Contains(err.Error(), "newer version") {
		t.Errorf("the sync ended with %v", err)
	}
	jobstest.Equal(t, "record", b.stored(1, nil), before)
	jobstest.Equal(t, "last error", b.organization().LastError == nil, true)
}
