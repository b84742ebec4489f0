package merge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// writing is a world whose vault has a row that was carried out, and may be written to.
func writing(t *testing.T) (*world, string) {
	t.Helper()
	w := takenOver(t)
	w.rules.Writes = true
	w.memory = allowed(w.memory)
	id := w.offer(1, "mum@home.test")
	w.carryOut()
	return w, id
}

// allowed is a memory whose first write a person has let through.
func allowed(m merge.Memory) merge.Memory {
	m.Holds = append(slices.Clone(m.Holds), merge.Hold{Reason: fault.HeldFirstWrite})
	return merge.Resume(m, start)
}

// carryOut looks and lets the workers' intake do the rest.
func (w *world) carryOut() []merge.Job {
	all := w.look()
	for _, j := range all {
		w.open[j.ID] = false
	}
	w.work(all)
	return all
}

// state makes the ledger's entry another one, as answers of the cloud do.
func (w *world) state(change func(*sponsorship.Sponsorship)) {
	s := w.ledger[user(1)]
	s.Revision++
	change(&s)
	w.ledger[user(1)] = s
}

func words(all []merge.Write) string {
	text := ""
	for _, w := range all {
		switch {
		case w.Delete:
			text += "delete;"
		default:
			text += fmt.Sprint(w.Columns(), ";")
		}
	}
	return text
}

var (
	synced = start.Add(time.Hour + 1234567*time.Nanosecond)
	until  = start.AddDate(1, 0, 0)
	past   = start.AddDate(0, 0, -91)
	recent = start.AddDate(0, 0, -40)
	longer = until.AddDate(1, 0, 0)
)

// The table of the contract, status by status.
func TestWhatARowIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entry func(*sponsorship.Sponsorship)
		row   func(*vault.Row)
		want  string
	}{
		"waits for the first sync":           {func(s *sponsorship.Sponsorship) {}, nil, ""},
		"sent":                               {set(sponsorship.Sent, "", &synced, nil), nil, "[LastSyncDate];"},
		"sent, dated":                        {set(sponsorship.Sent, "", &synced, nil), dated(&recent, nil), ""},
		"redeemed":                           {set(sponsorship.Redeemed, "", &synced, &until), dated(&recent, nil), "[LastSyncDate ValidUntil];"},
		"redeemed, undated":                  {set(sponsorship.Redeemed, "", &synced, &until), nil, "[LastSyncDate ValidUntil];"},
		"redeemed, told":                     {set(sponsorship.Redeemed, "", &synced, &until), dated(&recent, &until), ""},
		"redeemed, renewed":                  {set(sponsorship.Redeemed, "", &synced, &longer), dated(&recent, &until), "[LastSyncDate ValidUntil];"},
		"redeemed, a later date":             {set(sponsorship.Redeemed, "", &recent, &until), dated(&synced, nil), "[ValidUntil];"},
		"to be withdrawn":                    {set(sponsorship.Pending, sponsorship.IntentRevoke, &synced, nil), dated(&synced, nil), "[ToDelete];"},
		"to be withdrawn, undated":           {set(sponsorship.Pending, sponsorship.IntentRevoke, &synced, nil), nil, "[ToDelete LastSyncDate];"},
		"to be withdrawn, never synced":      {set(sponsorship.Pending, sponsorship.IntentRevoke, nil, nil), nil, "[ToDelete];"},
		"to be withdrawn, its date is known": {set(sponsorship.Pending, sponsorship.IntentRevoke, nil, nil), dated(&recent, &until), "[ToDelete];"},
		"expiring":                           {set(sponsorship.Expiring, "", &synced, &until), dated(&recent, nil), "[ToDelete LastSyncDate ValidUntil];"},
		"waits for a change":                 {set(sponsorship.Pending, sponsorship.IntentChange, &synced, nil), nil, ""},
		"refused":                            {set(sponsorship.Refused, "", nil, nil), nil, ""},
		"expired":                            {set(sponsorship.Expired, "", &synced, &recent), dated(&synced, &recent), ""},
		"expired long ago":                   {set(sponsorship.Expired, "", &synced, &past), dated(&synced, &past), "delete;"},
		"expired long ago, the row is not":   {set(sponsorship.Expired, "", &synced, &past), dated(&synced, &until), ""},
		"removed":                            {set(sponsorship.Removed, "", &synced, nil), nil, "delete;"},
		"removed, dated":                     {set(sponsorship.Removed, "", &synced, nil), dated(&synced, &until), "delete;"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, id := writing(t)
			w.state(c.entry)
			if c.row != nil {
				c.row(w.row(id))
			}
			w.memory.Links[id] = seen(w.memory.Links[id], *w.row(id))
			if got := words(w.plan().Writes); got != c.want {
				t.Errorf("it is told %q, want %q", got, c.want)
			}
		})
	}
}

// seen is a link whose row was looked at.
func seen(l merge.Link, r vault.Row) merge.Link {
	if r.Synced != nil {
		l.Synced = *r.Synced
	}
	return l
}

func set(status sponsorship.Status, intent sponsorship.Intent, lastSync, validUntil *time.Time) func(*sponsorship.Sponsorship) {
	return func(s *sponsorship.Sponsorship) {
		s.Status, s.Intent, s.LastSyncAt, s.ValidUntil = status, intent, lastSync, validUntil
	}
}

func dated(lastSync, validUntil *time.Time) func(*vault.Row) {
	return func(r *vault.Row) {
		r.Synced, r.ValidUntil = lastSync, validUntil
		if lastSync != nil {
			cut := lastSync.Truncate(time.Microsecond)
			r.Synced = &cut
		}
	}
}

// A marked row says that it is to go, whatever texts came back with the mark.
func TestAMarkedRowGoesOnceNothingIsLeftOfIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entry func(*sponsorship.Sponsorship)
		want  string
	}{
		"no entry":                 {func(s *sponsorship.Sponsorship) { *s = sponsorship.Sponsorship{} }, "delete;"},
		"removed":                  {set(sponsorship.Removed, "", &synced, nil), "delete;"},
		"expired":                  {set(sponsorship.Expired, "", &synced, &recent), "delete;"},
		"refused, never synced":    {set(sponsorship.Refused, "", nil, nil), "delete;"},
		"refused, synced once":     {set(sponsorship.Refused, "", &synced, nil), ""},
		"sent: nobody knows yet":   {set(sponsorship.Sent, "", &synced, nil), ""},
		"expiring, and it says so": {set(sponsorship.Expiring, "", nil, nil), ""},
	} {
		for _, address := range []string{"mum@home.test", "old@home.test"} {
			t.Run(name+" "+address, func(t *testing.T) {
				t.Parallel()
				w, id := writing(t)
				r := w.row(id)
				r.Marked, r.Email, r.Name = true, address, address
				link := w.memory.Links[id]
				link.Marked = true
				w.memory.Links[id] = link
				w.state(c.entry)
				if got := words(w.plan().Writes); got != c.want {
					t.Errorf("it is told %q, want %q", got, c.want)
				}
			})
		}
	}
}

// What SQL Server leaves of a member who was removed before the first sync.
func TestAMarkedRowThatNobodyKnewGoesAtTheSecondLook(t *testing.T) {
	t.Parallel()
	w, _ := writing(t)
	id := w.offer(2, "dad@home.test")
	w.row(id).Marked = true
	if got := words(w.plan().Writes); got != "" {
		t.Errorf("at the first look: %q", got)
	}
	w.look()
	if got := words(w.plan().Writes); got != "delete;" {
		t.Errorf("at the second look: %q", got)
	}
	if w.odd(merge.OddZombie) {
		t.Error("it is shown as a zombie though it is about to go")
	}
	w.rules.Writes = false
	if !w.odd(merge.OddZombie) {
		t.Error("it is not shown where nothing is written")
	}
}

// Whose sponsorship a second row of one member could be, nobody knows.
func TestASecondRowOfOneMemberIsLeftAlone(t *testing.T) {
	t.Parallel()
	w, _ := writing(t)
	w.state(set(sponsorship.Sent, "", &synced, nil))
	second := w.offer(1, "dad@home.test")
	w.row(second).Marked = true
	w.look()
	p := w.plan()
	if got := words(p.Writes); got != "[LastSyncDate];" || p.Memory.Unwritten[merge.UnwrittenTwoRows] != 1 {
		t.Errorf("told %q, not told %v", got, p.Memory.Unwritten)
	}
}

// A wish of the row goes first, and what can't be known is left alone.
func TestARowIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world, string)
		why    merge.Unwritten
	}{
		"another address is wished": {func(w *world, id string) { w.row(id).Email = "dad@home.test" }, merge.UnwrittenWish},
		"another name is wished":    {func(w *world, id string) { w.row(id).Name = "Dad" }, merge.UnwrittenWish},
		"offered again, under another name, while the former offer runs out": {func(w *world, id string) {
			w.state(set(sponsorship.Expiring, "", &synced, &until))
			w.row(id).Name = "Mum"
		}, merge.UnwrittenWish},
		"its last change is under way":  {func(w *world, id string) { w.open[w.job(id)] = true }, merge.UnwrittenWish},
		"the cloud has another address": {func(w *world, _ string) { w.state(func(s *sponsorship.Sponsorship) { s.Email = "dad@home.test" }) }, merge.UnwrittenAddress},
		"a date can't be read":          {func(w *world, id string) { w.row(id).Unreadable = []string{"ValidUntil"} }, merge.UnwrittenUnreadable},
		"its member is held": {func(w *world, _ string) {
			w.memory.Holds = append(w.memory.Holds, merge.Hold{Reason: fault.HeldRowVanished, User: user(1)})
			gone := merge.Link{Key: user(7), User: user(1), Synced: start, Gone: start.Add(-time.Hour)}
			w.memory.Links[rowID(start, 99)] = gone
			w.ledger[user(7)] = sponsorship.Sponsorship{Status: sponsorship.Sent}
		}, merge.UnwrittenMember},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, id := writing(t)
			w.state(set(sponsorship.Sent, "", &synced, nil))
			c.change(w, id)
			p := w.plan()
			if len(p.Writes) > 0 || p.Memory.Unwritten[c.why] != 1 {
				t.Errorf("it is told %q, and not because of %v; want nothing, for %s", words(p.Writes), p.Memory.Unwritten, c.why)
			}
		})
	}
}

// job is the job of a row, as if it were remembered still.
func (w *world) job(id string) string {
	link := w.memory.Links[id]
	link.Job = "the-job"
	w.memory.Links[id] = link
	return link.Job
}
