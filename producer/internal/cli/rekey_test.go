package cli_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

const (
	oldKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	newKey = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
)

// After rekey the old key can go: token, license key and the bridge's digests are as
// before.
func TestRekeyLetsTheOldKeyGo(t *testing.T) {
	t.Parallel()
	b := setup(t).withKey()
	requireStatus(t, b.runWith(token, "connect", "--org", acme, "--cloud-org", cloudAcme, "--license-key", "LICENSE"), 0)
	old := jobstest.Value(state.NewSealer([]byte("0123456789abcdef0123456789abcdef")))(t)
	remembered := memory.New(b.rdb, old)
	kept := jobstest.Value(remembered.Load(t.Context(), acme))(t)
	kept = jobstest.Value(remembered.Save(t.Context(), kept, merge.Memory{}, time.Now()))(t)

	both := b.environ
	b.environ = append(b.environ[:len(b.environ)-1:len(b.environ)-1], "SPONSORSYNC_ENCRYPTION_KEY="+newKey)
	r := b.run("rekey")
	requireStatus(t, r, 1)
	requireContains(t, r.err, "sealed with key", "hint: keep the old key behind a comma")
	b.environ = append(both[:len(both)-1:len(both)-1], "SPONSORSYNC_ENCRYPTION_KEY="+newKey+","+oldKey)
	r = b.run("rekey")
	requireStatus(t, r, 0)
	requireContains(t, r.out, "encrypted anew: 3; of 1 organizations")
	requireContains(t, b.run("rekey").out, "encrypted anew: 0")

	sealer := jobstest.Value(state.NewSealer([]byte("fedcba9876543210fedcba9876543210")))(t)
	c := jobstest.Value(state.New(b.rdb, sealer).Connection(t.Context(), acme))(t)
	jobstest.Equal(t, "token and key", c.BillingSyncToken.Reveal()+c.LicenseKey.Reveal(), token+"LICENSE")
	again := jobstest.Value(memory.New(b.rdb, sealer).Load(t.Context(), acme))(t)
	jobstest.Equal(t, "digest", again.Digest("email", address), kept.Digest("email", address))
}
