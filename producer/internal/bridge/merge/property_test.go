package merge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"pgregory.net/rapid"
)

// Whatever members do in the vault, whatever jobs wait meanwhile: at rest the
// ledger holds what the vault wishes, and nothing else.
func TestPropertyLedgerFollowsTheVault(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := takenOver(t)
		var queue []merge.Job
		deliver := func() {
			for _, j := range queue {
				w.open[j.ID] = false
			}
			w.work(queue)
			queue = nil
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			w.act(rt)
			if rapid.Bool().Draw(rt, "places are given up") {
				w.giveUp()
			}
			for _, j := range w.cut(rapid.SampledFrom([]string{"", "before", "after", "between"}).Draw(rt, "killed")) {
				if _, there := w.open[j.ID]; !there || w.placed[j.ID] {
					w.open[j.ID] = true
					delete(w.placed, j.ID)
					queue = append(queue, j)
				}
			}
			if rapid.Bool().Draw(rt, "workers run") {
				deliver()
			}
			if rapid.Bool().Draw(rt, "cloud answers") {
				w.sync()
			}
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(rt, "pause")) * time.Second)
		}
		w.giveUp()
		deliver()
		w.rest()
		w.agree(rt)
	})
}

// giveUp lets go of the places of jobs that nobody has put into the queue.
func (w *world) giveUp() {
	for id := range w.placed {
		delete(w.open, id)
	}
	clear(w.placed)
}

// cut looks as a bridge does that is killed before it has sent its jobs, or after, or when
// they have got their places and are not in the queue yet, or not at all, and returns what
// it has sent.
func (w *world) cut(killed string) []merge.Job {
	w.memory = merge.Reached(w.memory, w.open)
	if killed == "" {
		return w.look()
	}
	p := w.plan()
	w.memory = p.Asked(w.memory)
	switch killed {
	case "before":
		return nil
	case "between":
		for _, j := range p.Jobs {
			if _, there := w.open[j.ID]; !there {
				w.open[j.ID], w.placed[j.ID] = true, true
			}
		}
		return nil
	}
	return p.Jobs
}

// act does one thing that a member, or somebody at the console, does.
func (w *world) act(rt *rapid.T) {
	n := rapid.IntRange(1, 4).Draw(rt, "member")
	address := rapid.SampledFrom([]string{"a@home.test", "b@home.test", "C@home.test", "c@home.test"}).Draw(rt, "address")
	own := w.own(n)
	what := rapid.SampledFrom([]string{"offer", "offer", "mark", "delete", "begin a revoke", "end a revoke", "console", "nothing"}).Draw(rt, "act")
	switch {
	case what == "end a revoke":
		w.endRevoke()
	case what == "offer" && own == "":
		w.offer(n, address)
	case what == "offer": // the server writes into the same row
		r := w.row(own)
		r.Email, r.Name, r.Marked, r.Synced, r.ValidUntil = address, address, false, nil, nil
	case own == "":
	case what == "mark":
		w.row(own).Marked = true
	case what == "begin a revoke":
		w.slow = append(w.slow, *w.row(own))
	case what == "delete":
		w.delete(own)
	case what == "console":
		if s := w.ledger[user(n)]; s.Exists() {
			next, _, err := sponsorship.Decide(s, sponsorship.Revoke{}, sponsorship.Stamp{Now: w.now})
			if err == nil {
				w.ledger[user(n)] = next
			}
		}
	}
}

// endRevoke is a revoke that acts on the row as it had read it, whatever that has become.
func (w *world) endRevoke() {
	for _, copied := range w.slow {
		for i, r := range w.vault.Rows {
			if r.ID == copied.ID {
				copied.Marked = true
				w.vault.Rows[i] = copied
			}
		}
		if copied.Synced == nil {
			w.delete(copied.ID)
		}
	}
	w.slow = nil
}

func (w *world) own(n int) string {
	for _, r := range w.vault.Rows {
		if r.User == user(n) {
			return r.ID
		}
	}
	return ""
}

// rest lets graces pass and everything settle, and lets through what is held for its mass.
func (w *world) rest() {
	for range 12 {
		w.now = w.now.Add(3 * time.Minute)
		w.settle()
		w.memory = merge.Resume(w.memory, w.now)
	}
}

func (w *world) agree(rt *rapid.T) {
	p := w.plan()
	if len(p.Jobs) > 0 || len(p.Waiting) > 0 {
		rt.Fatalf("not at rest: jobs %v, waiting %v", p.Jobs, p.Waiting)
	}
	for n := 1; n <= 4; n++ {
		id, entry := w.own(n), w.ledger[user(n)]
		wish := ""
		if id != "" && !w.row(id).Marked && !w.revokedElsewhere(id, entry) {
			wish = w.row(id).Email
		}
		got := ""
		if entry.Exists() {
			got = entry.Email
		}
		if !strings.EqualFold(wish, got) {
			rt.Fatalf("member %d: the vault wishes %q, the ledger has %q (%s)\nlink %+v", n, wish, got, entry.Status, w.memory.Links[id])
		}
	}
}

// revokedElsewhere: a row that was carried out, and whose entry somebody else has
// ended since, waits for its member.
func (w *world) revokedElsewhere(id string, entry sponsorship.Sponsorship) bool {
	link := w.memory.Links[id]
	return !entry.Exists() && entry.Status != "" && link.Exact == digest("exact", w.row(id).Email) && strings.Contains(fmt.Sprint(entry.Status), "removed")
}
