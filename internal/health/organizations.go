package health

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func count(all []state.Organization) Organizations {
	n := Organizations{Known: len(all)}
	for _, o := range all {
		if o.LastSyncAt == nil {
			n.NeverSynced++
		}
		if o.LastError != nil {
			n.Failing++
		}
		if o.Stopped {
			n.Paused++
		}
		if o.Bridge != nil {
			n.Held += len(o.Bridge.Held)
		}
	}
	return n
}

// ofAll reports whether a fault is one of the installation or the cloud, and of no
// organization alone.
func ofAll(code fault.Code) bool {
	switch code {
	case fault.CloudCommunicationDisabled, fault.InstallationRejected, fault.CloudEdgeBlocked, fault.CloudUnavailable,
		fault.CloudProtocolError, fault.CloudRateLimited:
		return true
	}
	return false
}

// cloud goes by what the last sync of each organization found; asking costs a token.
func cloud(f Facts) Part {
	var answered *time.Time
	for _, o := range f.Organizations {
		if at := o.LastSyncAt; at != nil && (answered == nil || at.After(*answered)) {
			answered = at
		}
	}
	codes := codesOf(f.Organizations, func(o state.Organization) *state.Failure { return o.LastError }, ofAll)
	switch {
	case len(codes) > 0:
		return warn(PartCloud, "organizations that it did not answer: "+codes.String(), codes[0].code.Hint())
	case answered == nil:
		return unknown(PartCloud, "has not answered yet: no organization was synced")
	}
	return fine(PartCloud, "answered a full sync at "+answered.UTC().Format(time.RFC3339))
}

func organizations(f Facts) Part {
	codes := codesOf(f.Organizations, func(o state.Organization) *state.Failure { return o.LastError },
		func(c fault.Code) bool { return !ofAll(c) })
	if len(codes) > 0 {
		return warn(PartOrganizations, "the last sync failed: "+codes.String(),
			"'producer status --org "+codes[0].first+"' says what to do about it, and so about the others.")
	}
	n := count(f.Organizations)
	switch {
	case n.Known == 0:
		return fine(PartOrganizations, "none is known yet: begin with 'producer connect'")
	case n.NeverSynced > 0:
		return fine(PartOrganizations, fmt.Sprintf("%d known, %d of them never synced", n.Known, n.NeverSynced))
	}
	return fine(PartOrganizations, fmt.Sprintf("%d known", n.Known))
}

func licenses(f Facts) Part {
	codes := codesOf(f.Organizations, func(o state.Organization) *state.Failure { return o.LastLicenseError }, func(fault.Code) bool { return true })
	if len(codes) > 0 {
		return warn(PartLicenses, "the last license sync failed: "+codes.String(), codes[0].code.Hint())
	}
	return fine(PartLicenses, "no license sync failed")
}

func bridge(f Facts) Part {
	const hint = "'producer status --org ORG' says what was found and which command goes on."
	followed, stopped, unread, held := 0, 0, 0, map[fault.Held]int{}
	first := ""
	for _, o := range f.Organizations {
		b := o.Bridge
		if b == nil || o.Disconnected {
			continue
		}
		followed++
		if !b.Running {
			stopped++
		}
		if b.Error != nil {
			unread++
		}
		for _, h := range b.Held {
			held[h.Reason]++
			first = cmp.Or(first, o.ID.String())
		}
	}
	switch {
	case followed == 0:
		return fine(PartBridge, "follows no organization")
	case stopped > 0:
		return warn(PartBridge, "none works: what members do in the web vault is not carried here", "Start 'producer serve' with SPONSORSYNC_BRIDGE=read.")
	case unread > 0:
		return warn(PartBridge, plural(unread, "organization can't be read", "organizations can't be read"), fault.BridgeDatabaseUnavailable.Hint())
	case len(held) > 0:
		return warn(PartBridge, "waits for somebody to look: "+heldWords(held), strings.Replace(hint, "ORG'", first+"'", 1))
	}
	return fine(PartBridge, plural(followed, "organization is followed", "organizations are followed"))
}

func heldWords(held map[fault.Held]int) string {
	var all []string
	for _, reason := range fault.HeldReasons() {
		if n := held[reason]; n > 0 {
			all = append(all, fmt.Sprintf("%s (%d)", reason, n))
		}
	}
	return strings.Join(all, ", ")
}

// codeCount is a code, of how many organizations it is the last fault, and the first
// of these.
type codeCount struct {
	code  fault.Code
	count int
	first string
}

type codeCounts []codeCount

func (all codeCounts) String() string {
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = fmt.Sprintf("%s (%d)", c.code, c.count)
	}
	return strings.Join(texts, ", ")
}

// codesOf counts the faults that want chooses, the most frequent first.
func codesOf(orgs []state.Organization, failure func(state.Organization) *state.Failure, want func(fault.Code) bool) codeCounts {
	var all codeCounts
	for _, o := range orgs {
		f := failure(o)
		if f == nil || !want(f.Code) {
			continue
		}
		i := slices.IndexFunc(all, func(c codeCount) bool { return c.code == f.Code })
		if i < 0 {
			i = len(all)
			all = append(all, codeCount{code: f.Code, first: o.ID.String()})
		}
		all[i].count++
	}
	slices.SortStableFunc(all, func(a, b codeCount) int { return cmp.Compare(b.count, a.count) })
	return all
}
