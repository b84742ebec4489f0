package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// settledWithin is how long after a kill -9 all is settled, but for what waits for a
// request that may not have ended.
const settledWithin = 35 * time.Second

// seeded prints what a run depends on, so that SEED=... repeats its choices.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		jobstest.Must(t, err)
	}
	t.Logf("SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// siege is a lab whose members' jobs cross each other while workers are killed.
type siege struct {
	*lab
	rnd     *rand.Rand
	members int
	open    []int // members whose sponsorship was not revoked
	done    int   // acknowledged jobs that were carried out
}

// cross enqueues what one member wishes, wish after wish without a look at what has
// become of the one before: perhaps as one array, perhaps with others in between.
func (s *siege) cross(ctx context.Context) error {
	if len(s.open) > 0 && s.rnd.IntN(2) == 0 {
		pick := s.rnd.IntN(len(s.open))
		n := s.open[pick]
		if s.rnd.IntN(3) == 0 {
			s.open = append(s.open[:pick], s.open[pick+1:]...)
			return s.wish(ctx, n, s.anothers(n, s.rnd.IntN(2), true)...)
		}
		return s.wish(ctx, n, s.anothers(n, 1+s.rnd.IntN(2), false)...)
	}
	n := s.members
	s.members++
	o := s.orgs[s.rnd.IntN(len(s.orgs))]
	s.lab.members[n] = &member{org: o.id, status: sponsorship.Sent, mailed: []string{address(n)}}
	first := jobs.Redeem{OrganizationID: o.id, OrganizationUserID: user(n), SponsoredEmail: address(n)}
	revoked := s.rnd.IntN(5) == 0
	if !revoked {
		s.open = append(s.open, n)
	}
	return s.wish(ctx, n, append([]jobs.Args{first}, s.anothers(n, s.rnd.IntN(3), revoked)...)...)
}

// anothers are changes to so many other addresses, and perhaps a revocation.
func (s *siege) anothers(n, changes int, revoke bool) []jobs.Args {
	m := s.lab.members[n]
	var all []jobs.Args
	for range changes {
		to := fmt.Sprintf("%d-%s", len(m.maybe)+1, address(n))
		m.maybe, m.mailed = append(m.maybe, m.mailed...), []string{to}
		all = append(all, jobs.ChangeSponsorship{OrganizationID: m.org, OrganizationUserID: user(n), SponsoredEmail: to})
	}
	if revoke {
		m.maybe, m.mailed, m.status = append(m.maybe, m.mailed...), nil, sponsorship.Removed
		all = append(all, jobs.ChangeSponsorship{OrganizationID: m.org, OrganizationUserID: user(n), Revoke: true})
	}
	return all
}

func (s *siege) wish(ctx context.Context, _ int, all ...jobs.Args) error {
	if s.rnd.IntN(2) == 0 {
		receipts, err := s.queue.EnqueueAll(ctx, all)
		for _, r := range receipts {
			s.acked = append(s.acked, r.ID)
		}
		return err
	}
	for _, args := range all {
		if err := s.enqueue(ctx, args); err != nil {
			return err
		}
	}
	return nil
}

// traffic goes on until the returned function is called.
func (s *siege) traffic(every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	over := make(chan error, 1)
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				over <- nil
				return
			case <-tick.C:
			}
			err := s.cross(s.t.Context())
			if err == nil && s.rnd.IntN(50) == 0 {
				err = s.enqueue(s.t.Context(), jobs.Sync{OrganizationID: s.orgs[s.rnd.IntN(len(s.orgs))].id})
			}
			if err != nil {
				over <- err
				return
			}
		}
	}()
	return func() {
		s.t.Helper()
		cancel()
		jobstest.Must(s.t, <-over)
	}
}

// rest demands that all is settled in time, with every worker alive, but for the
// members that wait for a request that may not have ended; it returns how many do.
func (s *siege) rest() (held int) {
	s.t.Helper()
	began := time.Now()
	var off map[int]string
	settled := func() bool {
		off, held = s.off(), 0
		for n := range off {
			if n >= 0 && (s.waits(n) || s.undecided(n)) {
				held++
				delete(off, n)
			}
		}
		return len(off) == 0 && s.ended(held)
	}
	defer func() {
		if s.t.Failed() {
			s.t.Logf("%d members are not what they should be, such as %v; %d wait; jobs:\n%s",
				len(off), some(off, 5), held, s.unfinished())
			for n := range some(off, 5) {
				s.tell(n)
			}
		}
	}()
	jobstest.Eventually(s.t, settledWithin-time.Since(began), settled)
	s.t.Logf("settled in %v, but for %d members that wait", time.Since(began).Round(100*time.Millisecond), held)
	return held
}

// waits reports whether a member's record says that it waits for a request.
func (s *siege) waits(n int) bool {
	why := s.reason(n)
	return why.Code == fault.CloudUnavailable && strings.Contains(why.Message, "not sent again before")
}

func (s *siege) reason(n int) sponsorship.Reason {
	records, err := s.ledger.Get(s.t.Context(), s.lab.members[n].org, user(n))
	if err != nil || records[0].Reason == nil {
		return sponsorship.Reason{}
	}
	return *records[0].Reason
}

// ended forgets the acknowledged jobs that are done, and reports whether all are. A
// person's sync takes as long as what its organization waits for.
func (s *siege) ended(held int) bool {
	left := s.acked[:0]
	for i, id := range s.acked {
		status, found, err := s.inspector.Job(s.t.Context(), id)
		if err != nil {
			left = append(left, s.acked[i:]...)
			break
		}
		if !found || status.State != "done" {
			left = append(left, id)
			continue
		}
		s.done++
	}
	s.acked = left
	for _, id := range s.acked {
		status, found, err := s.inspector.Job(s.t.Context(), id)
		if err != nil || !found || status.Kind != jobs.KindSync || held == 0 {
			return false
		}
	}
	return true
}

// unfinished tells of the acknowledged jobs that are not done.
func (s *siege) unfinished() string {
	var b strings.Builder
	for _, id := range s.acked[:min(len(s.acked), 10)] {
		status, found, err := s.inspector.Job(s.t.Context(), id)
		fmt.Fprintf(&b, "%s %s %s found %t, attempts %d, %v %v\n", id, status.Kind, status.State, found, status.Attempts, status.LastError, err)
		for _, q := range jobs.Queues() {
			for _, set := range []string{"retry", "scheduled", "lease"} {
				key := "asynq:{" + string(q) + "}:" + set
				if score, err := s.rdb.ZScore(s.t.Context(), key, id).Result(); err == nil {
					fmt.Fprintf(&b, "  %s in %v\n", key, time.Until(time.Unix(int64(score), 0)).Round(time.Second))
				}
			}
		}
	}
	return b.String()
}

// tell says all that is known of a member.
func (s *siege) tell(n int) {
	s.t.Helper()
	ctx, o := s.t.Context(), s.lab.members[n].org
	s.t.Logf("member %d: row %s\n in flight %q, due %v\n organization %v, work %v, lease %v", n,
		s.rdb.HGet(ctx, state.Key(o, "rows"), string(user(n))).Val(),
		s.rdb.HGet(ctx, state.Key(o, "inflight"), string(user(n))).Val(),
		s.rdb.ZScore(ctx, state.Key(o, "due"), string(user(n))).Val(),
		s.rdb.HGetAll(ctx, state.Key(o, "")).Val(),
		s.rdb.ZScore(ctx, state.ShardKey(state.Shard(o), "work"), string(o)).Val(),
		s.rdb.Get(ctx, state.Key(o, "lease")).Val())
	for _, r := range s.cloud.SyncRequests() {
		if slices.Contains(r.RowKeys(), string(user(n))) {
			i := slices.Index(r.RowKeys(), string(user(n)))
			s.t.Logf(" request %d at %v until %v: %d rows, status %d, effect %t, %+v", r.Seq, r.At, r.EndedAt, len(r.Rows), r.Status, r.Effect, r.Rows[i])
		}
	}
}

// finish lets all come to its end, and checks it.
func (s *siege) finish() {
	s.t.Helper()
	jobstest.Eventually(s.t, 8*time.Minute, func() bool {
		off := s.off()
		for n := range off {
			if n < 0 || !s.undecided(n) {
				return false
			}
		}
		return s.ended(0)
	})
	for range mostSilences {
		if len(s.off()) > 0 {
			s.started()
		}
	}
	s.check()
	for n, m := range s.lab.members {
		for _, to := range m.mailed {
			if len(s.cloud.MailsTo(to)) != 1 {
				s.tell(n)
			}
		}
	}
}

// mostSilences is how many full syncs it takes at most until a withdrawal that the
// cloud has left out of an answer without any row counts as done.
const mostSilences = 8

// undecided reports whether nobody can tell yet whether a withdrawal is done.
func (s *siege) undecided(n int) bool { return s.reason(n).Code == fault.NotAccepted }

// slowly makes the cloud take its time, and some of it longer than its callers wait:
// it goes on with what it began, but not beyond the grace.
func (s *siege) slowly(patience time.Duration) {
	dice := rand.New(rand.NewPCG(s.rnd.Uint64(), 1))
	percent := func(n int) func(cloudtest.Request) bool {
		return func(cloudtest.Request) bool { return dice.IntN(100) < n }
	}
	for _, f := range []cloudtest.Fault{
		cloudtest.Stall(2 * patience).When(percent(1)),
		cloudtest.Gateway(502).At(cloudtest.Loaded).GoingOn(patience).When(percent(1)),
		cloudtest.LostAnswer().When(percent(1)),
		cloudtest.Reset().When(percent(1)),
		cloudtest.Stall(patience / 4).When(percent(20)),
		cloudtest.SlowAnswer(patience / 8).When(percent(20)),
		cloudtest.Slow(30 * time.Millisecond),
	} {
		s.cloud.Inject(f.Times(-1))
	}
}
