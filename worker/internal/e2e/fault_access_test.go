package e2e_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// TestFault21_TokensExpireAndRotate: the installation's token dies early and is
// replaced in silence; a rotated billing sync token is named, stops the automatic
// attempts, and once saved anew everything goes on without a restart.
func TestFault21_TokensExpireAndRotate(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	l.worker()
	l.started()
	l.cloud.ExpireTokens()
	l.redeem(l.orgs[0], 0, 10)
	l.settled(deadline)
	if codes := l.failures(); len(codes) > 0 {
		t.Errorf("failures because of an expired token: %v", codes)
	}

	fresh := l.cloud.RotateKey(l.remote.ID)
	l.redeem(l.orgs[0], 10, 20)
	jobstest.Eventually(t, deadline, func() bool {
		o, _, err := l.ledger.Organization(t.Context(), org)
		return err == nil && o.Paused == fault.BillingSyncTokenInvalid
	})
	if n := l.count(sponsorship.Pending); n < 1 {
		t.Errorf("%d redeems wait", n)
	}
	l.producer(fresh, "connect", "--org", string(org), "--cloud-org", l.remote.ID).ok()
	l.check()
	if codes := l.failures(); len(codes) != 1 || codes[0] != string(fault.BillingSyncTokenInvalid) {
		t.Errorf("failures told: %v", codes)
	}
}
