package state_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestTheVaultsConnectionObeysADisconnect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	vaults := state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "of the vault", FromVault: true}
	connected := func() state.Organization {
		o, _, err := b.Organization(t.Context(), org)
		jobstest.Must(t, err)
		return o
	}
	jobstest.Must(t, b.Connect(t.Context(), org, vaults))
	if o := connected(); !o.Connected || !o.FromVault || o.Disconnected {
		t.Fatalf("after the vault's connection: %+v", o)
	}
	if got, err := b.Connection(t.Context(), org); err != nil || got != vaults {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err := b.Disconnect(t.Context(), org)
	jobstest.Must(t, err)
	if err := b.Connect(t.Context(), org, vaults); !errors.Is(err, state.ErrDisconnected) {
		t.Errorf("got %v, want a refusal", err)
	}
	if o := connected(); o.Connected || !o.Disconnected {
		t.Errorf("the vault's connection was taken: %+v", o)
	}
	jobstest.Must(t, b.Erase(t.Context(), org))
	if o := connected(); !o.Disconnected {
		t.Error("erasing an organization forgets that it was disconnected")
	}
	was, err := b.Reconnect(t.Context(), org)
	jobstest.Must(t, err)
	jobstest.Equal(t, "it was disconnected", was, true)
	jobstest.Must(t, b.Connect(t.Context(), org, vaults))
	jobstest.Equal(t, "connected", connected().Connected, true)
}

func TestAPersonsConnectionEndsADisconnect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Disconnect(t.Context(), org)
	jobstest.Must(t, err)
	jobstest.Must(t, b.Connect(t.Context(), org, state.Connection{CloudOrganizationID: user(9), BillingSyncToken: "typed"}))
	o, _, err := b.Organization(t.Context(), org)
	jobstest.Must(t, err)
	if !o.Connected || o.Disconnected || o.FromVault {
		t.Errorf("got %+v", o)
	}
	was, err := b.Reconnect(t.Context(), org)
	jobstest.Must(t, err)
	jobstest.Equal(t, "still disconnected", was, false)
}

func TestAVaultWithoutTokenTakesOnlyItsOwnAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, fromVault := range []bool{false, true} {
		jobstest.Must(t, b.Connect(t.Context(), org, state.Connection{
			CloudOrganizationID: user(9), BillingSyncToken: "t", FromVault: fromVault}))
		jobstest.Must(t, b.seed.Start(t.Context(), org))
		jobstest.Must(t, b.Untoken(t.Context(), org))
		o, _, err := b.Organization(t.Context(), org)
		jobstest.Must(t, err)
		jobstest.Equal(t, "connected", o.Connected, !fromVault)
		jobstest.Equal(t, "its first sync stands", o.Started, true)
	}
}

func TestTheBridgeIsShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	bridge := func() *state.Bridge {
		o, _, err := b.Organization(ctx, org)
		jobstest.Must(t, err)
		return o.Bridge
	}
	if got := bridge(); got != nil {
		t.Fatalf("an organization that no bridge follows shows %+v", got)
	}
	shown, err := state.EncodeBridge(state.Bridge{Looked: t0, Held: []state.Hold{{Reason: fault.HeldRestored, Since: t0}}})
	jobstest.Must(t, err)
	away, err := state.EncodeFailure(state.Failure{Error: *fault.New(fault.BridgeDatabaseUnavailable, "no answer"), At: t0})
	jobstest.Must(t, err)
	jobstest.Must(t, b.rdb.HSet(ctx, state.BridgeKey(org), "shown", shown).Err())
	jobstest.Must(t, b.rdb.HSet(ctx, state.BridgeShownKey, "mode", "read", "error", away).Err())
	got := bridge()
	if got == nil || got.Running || got.Mode != "read" || !got.Looked.Equal(t0) || len(got.Held) != 1 || got.Held[0].Reason != fault.HeldRestored {
		t.Fatalf("shows %+v", got)
	}
	jobstest.Equal(t, "what is amiss with all", got.Error.Code, fault.BridgeDatabaseUnavailable)
	own, err := state.EncodeFailure(state.Failure{Error: *fault.New(fault.BridgeSchemaUnknown, "a column is missing"), At: t0})
	jobstest.Must(t, err)
	jobstest.Must(t, b.rdb.HSet(ctx, state.BridgeKey(org), "error", own).Err())
	jobstest.Must(t, b.rdb.Set(ctx, state.BridgeLeaseKey, "token", time.Minute).Err())
	got = bridge()
	jobstest.Equal(t, "what is amiss with it", got.Error.Code, fault.BridgeSchemaUnknown)
	jobstest.Equal(t, "running", got.Running, true)
	jobstest.Must(t, b.rdb.HSet(ctx, state.BridgeKey(org), "shown", `{"v":99}`).Err())
	if got := bridge(); got != nil {
		t.Errorf("what a newer program wrote is shown as %+v", got)
	}
}
