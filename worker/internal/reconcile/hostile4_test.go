//go:build hostile

package reconcile_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

func TestHostileFivePoisonousRows(t *testing.T) {
	b := setup(t)
	b.mustFull()
	for n := 1; n <= 25; n++ {
		b.redeem(n)
	}
	bad := map[string]bool{}
	for n := 1; n <= 5; n++ {
		bad[string(user(n))] = true
	}
	b.cloud.Inject(cloudtest.ServerError().When(func(r cloudtest.Request) bool {
		for _, row := range r.Rows {
			if bad[row.OrganizationUserID] {
				return true
			}
		}
		return false
	}).Times(-1))
	before := len(b.cloud.SyncRequests())
	var last error
	for range 72 { // three days, one try an hour
		last = b.pending()
		b.clockOff.Add(int64(61 * time.Minute))
	}
	for day := 0; day < 5; day++ {
		last = b.full()
		b.clockOff.Add(int64(24 * time.Hour))
	}
	count := map[string]int{}
	for n := 1; n <= 25; n++ {
		count[describe(b.get(n))]++
	}
	t.Log("requests:", len(b.cloud.SyncRequests())-before, "rows:", count)
	t.Log("told:", last)
}
