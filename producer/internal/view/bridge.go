package view

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Bridge is how the bridge to the server's own database fares with one organization.
type Bridge struct {
	Mode       string      `json:"mode"` // "read": nothing is written to the vault; "full"
	State      BridgeState `json:"state"`
	Held       []Hold      `json:"held"`
	LastLookAt *time.Time  `json:"lastLookAt"` // null until the first look ended
	Error      *Error      `json:"error"`      // of the last look
	Writes     *Writes     `json:"writes"`     // null unless the mode is full
}

// Writes are what the bridge wrote to the vault, and what it did not.
type Writes struct {
	Updates   int            `json:"updates"`   // of rows, ever
	Deletions int            `json:"deletions"` // of rows, ever
	LastAt    *time.Time     `json:"lastAt"`    // null before the first
	Skipped   map[string]int `json:"skipped"`   // rows that the last look left as they were, by why
}

// fullMode is how a bridge that writes calls itself.
const fullMode = "full"

// Words are the writes for people.
func (w Writes) Words() string {
	text := fmt.Sprintf("rows told %d, deleted %d", w.Updates, w.Deletions)
	for _, why := range slices.Sorted(maps.Keys(w.Skipped)) {
		text += fmt.Sprintf("; left alone %d: %s", w.Skipped[why], SkipWords(why))
	}
	return text
}

// SkipWords say why a row was not written to.
func SkipWords(why string) string {
	switch why {
	case "wish_first":
		return "what the member wants is not carried out yet"
	case "another_address":
		return "the cloud has the offer to another address"
	case "unreadable":
		return "the row holds a date that nobody can read"
	case "two_rows":
		return "another row of the member has the sponsorship"
	case "member_held":
		return "the member is held"
	case "overtaken":
		return "the row had just changed"
	case "busy":
		return "the server was at work on it"
	}
	return why
}

func showWrites(b state.Bridge) *Writes {
	if b.Mode != fullMode {
		return nil
	}
	w := &Writes{Updates: b.Wrote.Updates, Deletions: b.Wrote.Deletions, Skipped: b.Wrote.Skipped}
	if w.Skipped == nil {
		w.Skipped = map[string]int{}
	}
	if !b.Wrote.At.IsZero() {
		at := b.Wrote.At.UTC()
		w.LastAt = &at
	}
	return w
}

// BridgeState is what the bridge does about an organization.
type BridgeState string

// The states.
const (
	BridgeFollowing   BridgeState = "following"
	BridgeWaiting     BridgeState = "waiting"     // for the first sync, which a person starts
	BridgeHeld        BridgeState = "held"        // until a person has looked; a hold of one member alone stops nothing else
	BridgeUnavailable BridgeState = "unavailable" // the last look came to nothing
	BridgeStopped     BridgeState = "stopped"     // no bridge runs, or a person has disconnected the organization
)

// BridgeStates returns all states.
func BridgeStates() []BridgeState {
	return []BridgeState{BridgeFollowing, BridgeWaiting, BridgeHeld, BridgeUnavailable, BridgeStopped}
}

// Word is the state for people.
func (s BridgeState) Word() string {
	switch s {
	case BridgeFollowing:
		return "followed"
	case BridgeWaiting:
		return "followed; nothing is sent before the first sync, which you start"
	case BridgeHeld:
		return "held until somebody has looked"
	case BridgeUnavailable:
		return "can't be read at the moment"
	}
	return "not followed"
}

// Hold is a stop of the bridge until a person has looked.
type Hold struct {
	Reason             fault.Held      `json:"reason"`
	OrganizationUserID *sponsorship.ID `json:"organizationUserId"` // null: the whole organization
	Since              time.Time       `json:"since"`
	Hint               string          `json:"hint"`
}

// Command is what ends a hold of an organization, once a person has looked.
func (h Hold) Command(org sponsorship.ID) string {
	command := "producer bridge resume --org " + org.String()
	switch {
	case h.Reason == fault.HeldTakeOver:
		return command + " --official-job ran (or never)"
	case h.OrganizationUserID != nil:
		return command + " --member " + h.OrganizationUserID.String()
	}
	return command
}

// ShowHold returns the public form of a hold; an empty user is the whole organization.
func ShowHold(reason fault.Held, user sponsorship.ID, since time.Time) Hold {
	shown := Hold{Reason: reason, Since: since.UTC(), Hint: reason.Hint()}
	if user != "" {
		shown.OrganizationUserID = &user
	}
	return shown
}

func showBridge(org state.Organization) *Bridge {
	b := org.Bridge
	if b == nil {
		return nil
	}
	shown := &Bridge{Mode: b.Mode, State: bridgeState(org), Held: make([]Hold, len(b.Held)), Error: showFailure(b.Error), Writes: showWrites(*b)}
	for i, h := range b.Held {
		shown.Held[i] = ShowHold(h.Reason, h.User, h.Since)
	}
	if !b.Looked.IsZero() {
		at := b.Looked.UTC()
		shown.LastLookAt = &at
	}
	return shown
}

func bridgeState(org state.Organization) BridgeState {
	if org.Disconnected || !org.Bridge.Running {
		return BridgeStopped
	}
	if org.Bridge.Error != nil {
		return BridgeUnavailable
	}
	for _, h := range org.Bridge.Held {
		if h.User == "" {
			return BridgeHeld
		}
	}
	if !org.Started {
		return BridgeWaiting
	}
	return BridgeFollowing
}
