package sponsorship_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

var (
	elsewhere = sponsorship.Stamp{Now: t0, JobID: "hook"}
	vault     = sponsorship.Stamp{Now: t0, JobID: "bridge", Vault: true}
)

func TestOnlyTheVaultChangesWhatItManages(t *testing.T) {
	t.Parallel()
	for state, reach := range states() {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			s := reach(t)
			s.Vault = true
			for name, r := range map[string]sponsorship.Request{
				"redeem same": redeem, "redeem other": sponsorship.Redeem{Email: new_},
				"new address": sponsorship.Change{Email: new_}, "new label": sponsorship.Change{Name: "label"},
			} {
				after, changed, err := sponsorship.Decide(s, r, elsewhere)
				if fault.CodeOf(err) != fault.ManagedByVault || changed || after != s {
					t.Errorf("%s: %v, %+v, want managed_by_vault", name, err, after)
				}
			}
			for name, r := range map[string]sponsorship.Request{"revoke": sponsorship.Revoke{}, "resend": sponsorship.Resend{}} {
				got, _, err := sponsorship.Decide(s, r, elsewhere)
				want, _, without := sponsorship.Decide(sponsorship.Unmanaged(s), r, elsewhere)
				if fault.CodeOf(err) != fault.CodeOf(without) || sponsorship.Unmanaged(got) != want && want.Reason == nil || !got.Vault {
					t.Errorf("%s: %+v, %v, want what it comes to without the vault, %+v, %v", name, got, err, want, without)
				}
			}
			_, _, err := sponsorship.Decide(s, adopt, elsewhere)
			want := fault.ManagedByVault
			if s.Exists() {
				want = fault.AlreadySponsoring
			}
			if fault.CodeOf(err) != want {
				t.Errorf("adopt: %v, want %s", err, want)
			}
		})
	}
}

func TestWhatTheVaultAsksForItManages(t *testing.T) {
	t.Parallel()
	for state, reach := range states() {
		before := reach(t)
		for name, r := range map[string]sponsorship.Request{"redeem": redeem, "change": sponsorship.Change{Name: "label"}, "revoke": sponsorship.Revoke{}} {
			after, changed, err := sponsorship.Decide(before, r, vault)
			if err != nil {
				if after != before {
					t.Errorf("%s/%s: a refusal changed it to %+v", state, name, after)
				}
				continue
			}
			if !changed || !after.Vault || after.Revision != before.Revision+1 {
				t.Errorf("%s/%s: %+v, want the vault to manage it", state, name, after)
			}
			if again, more, err := sponsorship.Decide(after, sponsorship.Change{Name: after.Name}, vault); err == nil && more && again.Revision != after.Revision+1 {
				t.Errorf("%s/%s: twice: %+v", state, name, again)
			}
		}
	}
}

// What somebody typed before and the vault has as well is the vault's from now on, and
// is otherwise left as it is.
func TestAnAdoptionByTheVaultOfWhatIsThereOnlyLinksIt(t *testing.T) {
	t.Parallel()
	for state, reach := range states() {
		before := reach(t)
		if !before.Exists() {
			continue
		}
		after, changed, err := sponsorship.Decide(before, sponsorship.Adopt{Email: new_, Revoke: true}, vault)
		want := before
		want.Vault, want.Revision = true, before.Revision+1
		if err != nil || !changed || after != want {
			t.Errorf("%s: %+v, %v, %v, want only its manager another", state, after, changed, err)
		}
		if sponsorship.Compare(before, after).Changed {
			t.Errorf("%s: it is announced", state)
		}
		if _, changed, err := sponsorship.Decide(after, adopt, vault); changed || err != nil {
			t.Errorf("%s: a second time: %v, %v", state, changed, err)
		}
	}
}

func TestTheVaultsRowOutlastsItsSponsorship(t *testing.T) {
	t.Parallel()
	s, _, err := sponsorship.Decide(begin(t).s, sponsorship.Adopt{Email: old, AdminInitiated: true}, vault)
	if err != nil || !s.Vault {
		t.Fatalf("%+v, %v", s, err)
	}
	l := life{t, s}
	l.ask(sponsorship.Revoke{}).answer(removed)
	kept, _ := sponsorship.Forget(l.s)
	if _, drops := sponsorship.DropAt(kept); drops || !kept.Vault {
		t.Errorf("%+v would be dropped (%v), and anybody could offer it again", kept, drops)
	}
	if _, _, err := sponsorship.Decide(kept, redeem, elsewhere); fault.CodeOf(err) != fault.ManagedByVault {
		t.Errorf("redeem: %v, want managed_by_vault", err)
	}
	if again, _, err := sponsorship.Decide(kept, redeem, vault); err != nil || !again.Vault || again.Status != sponsorship.Pending {
		t.Errorf("the vault's own redeem: %+v, %v", again, err)
	}
	if _, drops := sponsorship.DropAt(sponsorship.Unmanaged(kept)); !drops {
		t.Error("it stays forever although the vault has no row")
	}
}
