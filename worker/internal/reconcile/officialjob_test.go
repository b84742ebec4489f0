package reconcile_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

func (b *bundle) syncJob(id string, off bool) error {
	return b.sync.SyncManual(b.t.Context(), jobs.Job[jobs.Sync]{ID: id, Args: jobs.Sync{OrganizationID: org, OfficialJobOff: off}})
}

// connectVault is what the bridge does.
func (b *bundle) connectVault() {
	b.t.Helper()
	c := b.connection()
	c.FromVault = true
	jobstest.Must(b.t, b.ledger.Connect(b.t.Context(), org, c))
}

func TestTheFirstSyncOfAVaultAsksWhetherTheServersJobIsOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connectVault()
	b.redeem(1)
	err := b.syncJob("unsaid", false)
	f := fault.Parse(err.Error())
	if !jobs.IsRefused(err) || f.Code != fault.BridgeHeld || f.Hint() != fault.HeldOfficialJob.Hint() {
		t.Fatalf("err = %v, want it refused as bridge_held, with the hint of official_job", err)
	}
	if o := b.organization(); o.Started || o.OfficialJobOff != nil || len(b.cloud.SyncRequests()) > 0 {
		t.Errorf("%+v: something began all the same", o)
	}
	refusedJob, known, err := enqueue.NewInspector(enqueue.New(b.rdb, enqueue.Options{})).Job(t.Context(), "unsaid")
	if err != nil || !known || refusedJob.State != enqueue.StateRefused || refusedJob.LastError.Code != fault.BridgeHeld {
		t.Errorf("the job is %+v, %v, %v", refusedJob, known, err)
	}
	jobstest.Must(t, b.pending())
	b.is(1, "pending(redeem)")

	jobstest.Must(t, b.syncJob("said", true))
	b.is(1, "sent")
	if said := b.organization().OfficialJobOff; said == nil || said.JobID != "said" || said.At.IsZero() {
		t.Errorf("the answer is noted as %+v", said)
	}
	jobstest.Must(t, b.syncJob("later", false)) // said is said
	if said := b.organization().OfficialJobOff; said == nil || said.JobID != "said" {
		t.Errorf("the answer is noted as %+v, want it kept", said)
	}
}

func TestAnOrganizationThatIsConnectedAnewIsAskedAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.connectVault()
	jobstest.Must(t, b.syncJob("said", true))
	_, err := b.ledger.Disconnect(t.Context(), org)
	jobstest.Must(t, err)
	jobstest.Must(t, b.ledger.Connect(t.Context(), org, b.connection()))
	b.connectVault()
	if err := b.syncJob("unsaid", false); fault.CodeOf(err) != fault.BridgeHeld {
		t.Errorf("err = %v, want bridge_held", err)
	}
	jobstest.Must(t, b.ledger.Connect(t.Context(), org, b.connection()))
	jobstest.Must(t, b.syncJob("by hand", false))
}

// A sync that came before the connection was nobody's word about the vault.
func TestASyncBeforeTheVaultsConnectionDoesNotAnswerTheQuestion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.ledger.Disconnect(t.Context(), org)
	jobstest.Must(t, err)
	if err := b.syncJob("early", false); fault.CodeOf(err) != fault.ConnectionMissing {
		t.Fatalf("err = %v, want connection_missing", err)
	}
	jobstest.Must(t, b.ledger.Connect(t.Context(), org, b.connection()))
	b.connectVault()
	b.redeem(1)
	jobstest.Must(t, b.pending())
	b.is(1, "pending(redeem)")
	if err := b.syncJob("unsaid", false); fault.CodeOf(err) != fault.BridgeHeld {
		t.Errorf("err = %v, want bridge_held", err)
	}
}
