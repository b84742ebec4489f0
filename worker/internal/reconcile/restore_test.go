package reconcile_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// copyOfRedis reads all keys, to be put back later.
func (b *bundle) copyOfRedis() (putBack func()) {
	b.t.Helper()
	all := map[string]string{}
	for _, key := range jobstest.Value(b.rdb.Keys(b.t.Context(), "*").Result())(b.t) {
		all[key] = jobstest.Value(b.rdb.Dump(b.t.Context(), key).Result())(b.t)
	}
	return func() {
		b.t.Helper()
		jobstest.Must(b.t, b.rdb.FlushAll(b.t.Context()).Err())
		for key, text := range all {
			jobstest.Must(b.t, b.rdb.RestoreReplace(b.t.Context(), key, 0, text).Err())
		}
	}
}

// What nobody can know who has only an old copy; and what the README advises.
func TestAnOldCopyOffersAgainWhatWasWithdrawnSince(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		revokedAgain bool
		mails        int
	}{"left alone": {false, 2}, "revoked again": {true, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			onDisk(b)
			b.redeem(1)
			b.redeem(2)
			b.mustFull()
			putBack := b.copyOfRedis()
			jobstest.Must(t, b.change(1, revoke))
			b.mustPending()
			b.is(1, "removed")

			putBack()
			b.is(1, "sent")
			if c.revokedAgain {
				jobstest.Must(t, b.change(1, revoke))
			}
			b.mustFull()
			if b.mails(1) != c.mails {
				t.Errorf("%d mails, want %d", b.mails(1), c.mails)
			}
		})
	}
}
