package fault

import (
	"maps"
	"slices"
)

// Held says why the bridge has stopped: the reason that goes with [BridgeHeld].
// Held reasons are part of the public contract and never change.
type Held string

// The reasons. See heldHints for what to do about each.
const (
	HeldTakeOver          Held = "take_over"
	HeldFirstWrite        Held = "first_write"
	HeldMassWithdrawal    Held = "mass_withdrawal"
	HeldMassOffer         Held = "mass_offer"
	HeldRestored          Held = "restored"
	HeldMemoryLost        Held = "memory_lost"
	HeldConnectionChanged Held = "connection_changed"
	HeldSourceMissing     Held = "source_missing"
	HeldOfficialJob       Held = "official_job"
	HeldRowVanished       Held = "row_vanished"
	HeldSchema            Held = "schema"
)

var heldHints = map[Held]string{
	HeldTakeOver:          "This database does not say whether the server's own sync has told the cloud of these sponsorships. Run 'producer bridge resume --org ORG --official-job ran' if it has, or with 'never' if it has not: then they are offered and mailed.",
	HeldFirstWrite:        "The bridge is about to write to the server's database for the first time for this organization. Bitwarden does not support that other programs write there: back the database up first. Look at 'producer bridge --dry-run', then run 'producer bridge resume --org ORG', which lists the writes, names the command for the backup, and asks.",
	HeldMassWithdrawal:    "Unusually many sponsorships would be withdrawn within 24 hours. If members really gave them up, run 'producer bridge resume --org ORG'; if a table was emptied or restored, put it right first.",
	HeldMassOffer:         "Unusually many offers would be mailed at once. If they are meant, run 'producer bridge resume --org ORG'.",
	HeldRestored:          "The server's database looks restored from an older copy. Compare 'producer bridge --dry-run' with what you expect, then run 'producer bridge resume --org ORG'; nothing that was removed here is offered again.",
	HeldMemoryLost:        "What the bridge remembered of this organization is gone. Look at 'producer bridge --dry-run', then run 'producer bridge resume --org ORG' to link the vault's rows anew.",
	HeldConnectionChanged: "The vault's billing sync connection names another cloud organization while sponsorships are with the former one. If that was not meant, save the former connection in the vault again; if it was, first withdraw each of them with 'producer change-sponsorship --revoke'. Then run 'producer bridge resume --org ORG'.",
	HeldSourceMissing:     "The organization, its connection or all its members are missing in the server's database. Check that the bridge reads the right database, and put back what was lost. Then run 'producer bridge resume --org ORG': it carries out what 'producer bridge --dry-run' lists.",
	HeldOfficialJob:       "The server's own sync job seems to be running beside this one, or nobody has said yet that it is off. Set globalSettings__enableCloudCommunication=false for the server's api and admin services alone and start them again; the vault's connection stays as it is. Then run 'producer sync --org ORG --official-job-off' and 'producer bridge resume --org ORG'.",
	HeldRowVanished:       "A sponsorship that the cloud holds is gone from the vault though its member is still there. 'producer bridge resume --org ORG --member ORGUSER' withdraws it; with --keep the offer stays and is only reported. Without an answer an offer that nobody has accepted is withdrawn after 72 hours.",
	HeldSchema:            "The server's database is of a version that this bridge does not know. Update sponsorsync, then run 'producer bridge resume --org ORG'.",
}

// NewHeld returns a bridge_held Error whose message begins with the reason, so that it
// keeps its hint wherever it goes.
func NewHeld(reason Held, format string, args ...any) *Error {
	return New(BridgeHeld, "%s: "+format, append([]any{reason}, args...)...)
}

// HeldReasons returns every reason, sorted.
func HeldReasons() []Held { return slices.Sorted(maps.Keys(heldHints)) }

// Hint says what to do, or "" for an unknown reason.
func (h Held) Hint() string { return heldHints[h] }
