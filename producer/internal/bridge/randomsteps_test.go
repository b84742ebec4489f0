package bridge_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
	"github.com/sponsorsync/sponsorsync/worker/workertest"
)

// before is the time without us, when the official job may have run.
func (s *story) before() {
	jobstest.Must(s.t, s.vault.SaveToken(s.t.Context(), string(s.org), s.token, s.remote))
	official := s.n(2) == 0
	for range s.n(30) {
		s.people()
		s.Pass(time.Duration(s.n(600)) * time.Second)
		if official && s.n(6) == 0 {
			s.officialJob()
		}
	}
}

// officialJob is a run that ends as it does on this engine: where it can't store what it
// learned, the cloud has been told all the same.
func (s *story) officialJob() {
	err := s.vault.RunOfficialJob(s.t.Context(), string(s.org), func(sent []vaulttest.Sent) (map[string]vaulttest.Answer, error) {
		all := make([]workertest.Told, len(sent))
		for i, row := range sent {
			all[i] = workertest.Told{Member: row.Member, Email: row.Email, Name: row.Name, ToDelete: row.ToDelete}
		}
		answers, err := s.OfficialJob(s.t.Context(), s.remote, s.token, all)
		told := map[string]vaulttest.Answer{}
		for key, a := range answers {
			told[key] = vaulttest.Answer{Removed: a.Removed, ToDelete: a.ToDelete, LastSync: a.LastSync, ValidUntil: a.ValidUntil}
		}
		for _, row := range all {
			if s.official[row.Member] == nil {
				s.official[row.Member] = map[string]bool{}
			}
			s.official[row.Member][strings.ToLower(row.Email)] = true
		}
		return told, err
	})
	s.note("the official job runs: %v", err)
	if !errors.Is(err, vaulttest.ErrJobCannot) && !errors.Is(err, vaulttest.ErrJobTwoRows) {
		jobstest.Must(s.t, err)
	}
	jobstest.Must(s.t, s.script.Look(s.t.Context()))
}

// takeOver is the guide: the bridge looks, an admin answers, and starts the first sync.
func (s *story) takeOver() {
	s.look()
	s.note("an admin starts the first sync")
	s.sync()
}

// people do something in the web vault.
func (s *story) people() {
	before := s.standing()
	action := jobstest.Value(s.script.Step(s.t.Context()))(s.t)
	after := s.standing()
	s.note("%s: %s", action, difference(before, after))
	if action != vaulttest.Restoring {
		s.offeredUnseen(before, after)
		return
	}
	for row, o := range after {
		if before[row].Email != o.Email {
			s.cameBack[row] = o.Email
		}
	}
	jobstest.Must(s.t, s.vault.SaveToken(s.t.Context(), string(s.org), s.token, s.remote)) // the copy may have an old one
}

// offeredUnseen: a row that came back, and is another offer before the bridge has seen it
// again, is one row that came back to the bridge.
func (s *story) offeredUnseen(before, after map[string]vaulttest.Offered) {
	for row, o := range after {
		if s.cameBack[row] == "" || s.cameBack[row] != before[row].Email || o.Email == before[row].Email {
			continue
		}
		links := jobstest.Value(s.memory.Load(s.t.Context(), s.org))(s.t).Links
		if links[row].Back.IsZero() {
			s.cameBack[row] = o.Email
		}
	}
}

// standing are the offers that stand, by row.
func (s *story) standing() map[string]vaulttest.Offered {
	all := map[string]vaulttest.Offered{}
	for _, o := range s.script.Wishes() {
		all[o.Row] = o
	}
	return all
}

func difference(before, after map[string]vaulttest.Offered) (text string) {
	for _, row := range slices.Sorted(maps.Keys(before)) {
		if _, stands := after[row]; !stands {
			text += fmt.Sprintf(" -%.8s %s", row, before[row].Email)
		}
	}
	for _, row := range slices.Sorted(maps.Keys(after)) {
		if o := after[row]; o.Email != before[row].Email {
			text += fmt.Sprintf(" +%.8s %s of %.8s", row, o.Email, o.Member)
		}
	}
	return text
}

// meanwhile is what others do while the bridge looks.
func (s *story) meanwhile() {
	switch s.n(8) {
	case 0:
		s.people()
	case 1:
		s.work()
	}
}

// look is a round of the bridge. What fails for a database that is away, or for another
// bridge's lease, the next one makes good.
func (s *story) look() {
	s.note("the bridge looks: %v", s.bridge.Once(s.t.Context()))
}

// bridgeDies at any command to Redis.
func (s *story) bridgeDies() {
	n := s.n(30)
	s.crash.After(n)
	_ = s.bridge.Once(s.t.Context())
	s.note("a bridge is killed at command %d: %t", n, s.crash.Disarm())
	s.newBridge()
}

func (s *story) worker() *workertest.Worker { return s.workers[s.n(len(s.workers))] }

func (s *story) work() {
	_ = s.works()
}

func (s *story) works() bool {
	did, err := s.worker().Work(s.t.Context(), s.random)
	s.note("a worker works: %t", did)
	s.died(err)
	return did
}

// died: a person's sync may die of a token that the bridge has yet to hand on. The person starts
// another one.
func (s *story) died(err error) {
	s.t.Helper()
	if fault.CodeOf(err) != fault.BillingSyncTokenInvalid {
		jobstest.Must(s.t, err)
		return
	}
	s.note("a sync dies: %v", err)
	s.sync()
}

func (s *story) workerDies() {
	w, n := s.worker(), s.n(12)
	w.Crash.After(n)
	_, err := w.Work(s.t.Context(), s.random)
	s.note("a worker is killed at command %d: %t %v", n, w.Crash.Disarm(), err)
}

func (s *story) hangsUp() {
	did, err := s.worker().HangUp(s.t.Context(), s.random)
	s.note("a worker is killed while the cloud is at work: %t", did)
	s.died(err)
}

func (s *story) sweep() {
	jobstest.Must(s.t, s.worker().Sweep(s.t.Context()))
	s.note("a sweep")
}

func (s *story) disturb() {
	which, skip := s.n(100), s.n(3)
	s.Disturb(which, skip)
	s.note("the cloud will fail: %d after %d", which, skip)
}

// accept is a person at home.
func (s *story) accept() {
	rows := s.Cloud.Rows(s.remote)
	if len(rows) == 0 {
		return
	}
	row := rows[s.n(len(rows))]
	_, err := s.Cloud.Accept(s.remote, row.OrganizationUserID)
	s.note("%s accepts: %v", row.OfferedToEmail, err)
}

func (s *story) databaseAway() {
	s.source.away = 1 + s.n(3)
	s.note("the database is away")
}

func (s *story) newToken() {
	s.token = s.Cloud.RotateKey(s.remote)
	jobstest.Must(s.t, s.vault.SaveToken(s.t.Context(), string(s.org), s.token, s.remote))
	s.note("an owner saves a new token")
}

// answer is an admin who does what the hints say.
func (s *story) answer() {
	for _, h := range s.holds() {
		s.note("an admin answers %s %s", h.Reason, h.User)
		edit := func(m merge.Memory) merge.Memory { return merge.Resume(m, s.Now()) }
		switch {
		case h.Reason == fault.HeldTakeOver && len(s.official) > 0:
			edit = func(m merge.Memory) merge.Memory { return merge.Answer(m, merge.OfficialJobRan) }
		case h.Reason == fault.HeldTakeOver:
			edit = func(m merge.Memory) merge.Memory { return merge.Answer(m, merge.OfficialJobNever) }
		case h.User != "":
			edit = func(m merge.Memory) merge.Memory { return merge.Settle(m, h.User, merge.SettledWithdraw) }
		}
		jobstest.Value(s.memory.Change(s.t.Context(), s.org, s.Now(), edit))(s.t)
		jobstest.Must(s.t, s.memory.Ask(s.t.Context(), s.org))
	}
}
