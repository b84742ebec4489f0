package reconcile

import (
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// item is one sponsorship of a batch: as it was read, and as it goes out.
type item struct {
	read sponsorship.Sponsorship
	out  sponsorship.Outgoing
}

// plan says what to do with the rows that were read.
type plan struct {
	send  []item
	local []change // decided without the cloud: lapsed, or unfit to be sent
}

// moment is a time twice: by the ledger, which stamps everything; and by the calendar,
// for the cloud's own dates. That is the earlier one of the ledger's and this
// machine's: either may be put a year ahead, and nothing may be over because of that.
type moment struct{ now, today time.Time }

func (r *round) moment() moment {
	m := moment{now: r.session.Now(), today: r.p.Now()}
	if m.now.Before(m.today) {
		m.today = m.now
	}
	return m
}

// change is one record to store.
type change struct{ before, after sponsorship.Sponsorship }

// planBatch decides row by row. Nothing unchecked enters it: one blank address would cost
// every new row of the request its mail (PROTOCOL.md 2.8).
//
// What the cloud lost once is left out unless a person asked for this sync.
func planBatch(rows []sponsorship.Sponsorship, at moment, byHand bool) plan {
	var p plan
	for _, s := range rows {
		if s.Withheld() && !byHand {
			continue
		}
		if after, lapsed := sponsorship.Lapse(s, at.today, at.now); lapsed {
			p.local = append(p.local, change{s, after})
			continue
		}
		out, ok := sponsorship.Plan(s, at.now)
		switch {
		case !ok:
		case !out.Fit():
			p.local = append(p.local, change{s, sponsorship.Unfit(s, at.now)})
		default:
			p.send = append(p.send, item{s, out})
		}
	}
	return p
}

// apart separates the rows that must not share a request.
func apart(items []item) (together, alone []item) {
	for _, it := range items {
		if it.out.Alone {
			alone = append(alone, it)
			continue
		}
		together = append(together, it)
	}
	return together, alone
}

// unmarks are the writes that take the marks back.
func unmarks(items []item) []ledger.Write {
	var back []ledger.Write
	for _, it := range items {
		if it.out.Marked.Revision != it.read.Revision {
			before := it.read
			before.Revision = it.out.Marked.Revision + 1
			back = append(back, ledger.Write{Before: it.out.Marked.Revision, After: before})
		}
	}
	return back
}

// wire is the request's form of the items.
func wire(items []item) []cloud.Row {
	rows := make([]cloud.Row, len(items))
	for i, it := range items {
		rows[i] = cloud.Row{UserID: string(it.out.UserID), Name: it.out.Name, Email: it.out.Email, Delete: it.out.Tombstone}
	}
	return rows
}

// writes turns changes into writes, each with the event that announces it.
func writes(changes []change) (all []ledger.Write, err error) {
	all = make([]ledger.Write, len(changes))
	for i, c := range changes {
		if all[i], err = ledger.Announced(c.before, c.after); err != nil {
			return nil, err
		}
	}
	return all, nil
}
