package e2e_test

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func newID() string { return uuid.NewString() }

// check compares the three ledgers: every acknowledged redeem has become what it
// should, the cloud mailed each offer once and was never asked by two at a time,
// and the stream tells each story once, in order and without a gap.
func (l *lab) check() {
	l.t.Helper()
	l.settled(deadline)
	l.checkCloud()
	l.checkStream()
}

func (l *lab) checkCloud() {
	l.t.Helper()
	mails := map[string]int{}
	for _, m := range l.cloud.Mails() {
		mails[m.To]++
	}
	for n, m := range l.members {
		for _, to := range m.mailed {
			if mails[to] != 1 {
				l.t.Errorf("member %d: %d mails to %s, want 1", n, mails[to], to)
			}
			delete(mails, to)
		}
		for _, to := range m.maybe {
			if mails[to] > 1 {
				l.t.Errorf("member %d: %d mails to %s, want at most 1", n, mails[to], to)
			}
			delete(mails, to)
		}
	}
	if len(mails) > 0 {
		l.t.Errorf("mails that nobody asked for: %v", mails)
	}
	for id, traffic := range l.cloud.Stats().Sync {
		if doubled := l.cloud.Doubled(id); len(doubled) > 0 {
			l.t.Errorf("the cloud holds sponsorships of organization %s twice: %v", id, doubled)
		}
		if traffic.MaxInFlight > 1 && !l.goesOn {
			l.t.Errorf("%d syncs of organization %s at once", traffic.MaxInFlight, id)
		}
	}
	for _, r := range l.cloud.SyncRequests() {
		keys := slices.Sorted(slices.Values(r.RowKeys()))
		if len(slices.Compact(keys)) != len(r.Rows) {
			l.t.Errorf("a request holds one member twice")
		}
	}
}

func (l *lab) checkStream() {
	l.t.Helper()
	told := l.stream()
	for n, m := range l.members {
		l.checkStory(n, m, told.stories[user(n)])
	}
	if len(told.stories) != len(l.members) {
		l.t.Errorf("the stream tells of %d members, want %d", len(told.stories), len(l.members))
	}
	for _, raw := range told.raw {
		for _, o := range l.orgs {
			if strings.Contains(string(raw), o.remote.BillingSyncKey) {
				l.t.Errorf("an event holds a token")
			}
		}
	}
}

// checkStory: each event takes up where the one before it ended, and the last one
// is what the ledger says.
func (l *lab) checkStory(n int, m *member, story []events.Event[events.Sponsorship]) {
	l.t.Helper()
	at := sponsorship.Status("")
	for _, e := range story {
		if e.Data.From != at {
			l.t.Errorf("member %d: an event from %q follows one to %q: %v", n, e.Data.From, at, path(story))
		}
		at = e.Data.To
	}
	records, err := l.ledger.Get(l.t.Context(), m.org, user(n))
	jobstest.Must(l.t, err)
	if len(story) == 0 || at != records[0].Status || story[len(story)-1].Data.Revision > records[0].Revision {
		l.t.Errorf("member %d: the stream tells %v, the ledger says %q", n, path(story), records[0].Status)
	}
}

// failures are the codes of the sync.failed events, in order.
func (l *lab) failures() []string {
	l.t.Helper()
	var codes []string
	for _, raw := range l.stream().raw {
		if e, err := events.Decode[events.Sync](raw); err == nil && e.Data.Error != nil {
			codes = append(codes, string(e.Data.Error.Code))
		}
	}
	return codes
}
