package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

const everyTurn = 61*time.Second/56 + 1

// herd are handlers that ask in the bulk lane without end.
func herd(t *testing.T, w *world, l *cloud.SharedLimiter, h herdOf) []func() {
	handlers := make([]func(), h.handlers)
	for i := range handlers {
		handlers[i] = func() {
			for w.now().Before(now().Add(h.lasts)) {
				if err := l.Wait(t.Context(), cloud.Bulk); err != nil {
					t.Errorf("a request of the herd failed: %v", err)
				}
				h.log.add("herd", w.now())
				_ = w.sleep(t.Context(), 300*time.Millisecond) // its answer
			}
		}
	}
	return handlers
}

type herdOf struct {
	handlers int
	lasts    time.Duration
	log      *departures
}

// Four workers with eight handlers each ask for more than there is.
func TestNoWorkerStarves(t *testing.T) {
	t.Parallel()
	w, left := setupWorld(t), &departures{}
	w.run(herd(t, w, w.limiter(t), herdOf{handlers: 32, lasts: 2 * time.Minute, log: left})...)
	if n := len(left.left); n < 105 {
		t.Errorf("%d requests in two minutes: the limit is not used", n)
	}
}

func TestUrgentIsAmongTheNextThreeTurns(t *testing.T) {
	t.Parallel()
	w, left := setupWorld(t), &departures{}
	l := w.limiter(t)
	handlers := herd(t, w, l, herdOf{handlers: 32, lasts: 50 * time.Second, log: left})
	var asked []time.Time
	handlers = append(handlers, func() {
		for i := range 4 {
			_ = w.sleep(t.Context(), 10*time.Second+time.Duration(i)*37*time.Millisecond)
			asked = append(asked, w.now())
			if err := l.Wait(t.Context(), cloud.Urgent); err != nil {
				t.Error(err)
			}
			left.add("person", w.now())
		}
	})
	w.run(handlers...)
	for _, at := range asked {
		if place := slices.Index(left.since(at), "person"); place < 0 || place > 2 {
			t.Errorf("a person's request left at place %d", place+1)
		}
	}
}

// A request may become urgent while it waits: a redeem has joined it.
func TestBulkThatBecomesUrgent(t *testing.T) {
	t.Parallel()
	w, left := setupWorld(t), &departures{}
	l := w.limiter(t)
	handlers := herd(t, w, l, herdOf{handlers: 32, lasts: 50 * time.Second, log: left})
	var asked time.Time
	redeemed := now().Add(45 * time.Second)
	handlers = append(handlers, func() {
		_ = w.sleep(t.Context(), 44*time.Second)
		err := l.Wait(t.Context(), func(context.Context) (bool, error) {
			asked = w.now()
			return !asked.Before(redeemed), nil
		})
		jobstest.Must(t, err)
		left.add("redeem", w.now())
	})
	w.run(handlers...)
	if place := slices.Index(left.since(redeemed), "redeem"); place > 2 {
		t.Errorf("left at place %d after it became urgent", place+1)
	}
}

// However many urgent ones there are, one turn in ten is left to the others.
func TestBulkIsNotStarved(t *testing.T) {
	t.Parallel()
	w, left := setupWorld(t), &departures{}
	l := w.limiter(t)
	handlers := herd(t, w, l, herdOf{handlers: 2, lasts: 2 * time.Minute, log: left})
	for range 16 {
		handlers = append(handlers, func() {
			for w.now().Before(now().Add(2 * time.Minute)) {
				jobstest.Must(t, l.Wait(t.Context(), cloud.Urgent))
				left.add("person", w.now())
			}
		})
	}
	w.run(handlers...)
	bulk := 0
	for _, d := range left.left {
		if d.who == "herd" {
			bulk++
		}
	}
	if all := len(left.left); bulk < all/20 || bulk > all/5 {
		t.Errorf("%d of %d turns went to the bulk lane, want about one in ten", bulk, all)
	}
}

func TestLaneEndsTheWait(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	enough := errors.New("somebody else needs the handler")
	err := s.Wait(t.Context(), func(context.Context) (bool, error) { return false, enough })
	if !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

// It is asked once more when the turn has come: sending may have been paused.
func TestLaneIsAskedWhenTheTurnHasCome(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	for range 5 {
		jobstest.Must(t, s.Wait(t.Context(), cloud.Urgent))
	}
	paused := errors.New("somebody has paused sending")
	err := s.Wait(t.Context(), func(context.Context) (bool, error) {
		if s.now() == now() {
			return true, nil
		}
		return true, paused
	})
	if !errors.Is(err, paused) {
		t.Errorf("got %v", err)
	}
}

// A worker that is shut down gives its turn back, if nobody has one after it.
func TestUnusedTurnIsGivenBack(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	for range 5 {
		jobstest.Must(t, s.Wait(t.Context(), cloud.Urgent))
	}
	gone, cancel := context.WithCancel(t.Context())
	leaving := setupShop(t, func(p *cloud.LimiterParams) {
		p.Redis, p.Now = s.client, s.now
		p.Sleep = func(ctx context.Context, _ time.Duration) error { cancel(); return context.Cause(ctx) }
	})
	if err := leaving.Wait(gone, cloud.Urgent); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	jobstest.Must(t, s.Wait(t.Context(), cloud.Urgent))
	if waited := s.now().Sub(now()); waited != everyTurn.Truncate(time.Microsecond) {
		t.Errorf("the next one waited %s, want one turn (%s)", waited, everyTurn)
	}
}

// Others have had their turns while a suspended process slept through its own.
func TestOversleptTurnIsVoid(t *testing.T) {
	t.Parallel()
	w := setupWorld(t)
	awake := w.limiter(t)
	slow := w.limiter(t, func(p *cloud.LimiterParams) {
		var once atomic.Bool
		p.Sleep = func(ctx context.Context, d time.Duration) error {
			if once.CompareAndSwap(false, true) {
				d += 20 * time.Second
			}
			return w.sleep(ctx, d)
		}
	})
	left := &departures{}
	w.run(func() {
		for range 60 {
			jobstest.Must(t, awake.Wait(t.Context(), cloud.Urgent))
			left.add("awake", w.now())
		}
	}, func() {
		_ = w.sleep(t.Context(), 5*time.Second)
		jobstest.Must(t, slow.Wait(t.Context(), cloud.Urgent))
		left.add("slow", w.now())
	})
	slices.SortFunc(left.left, func(a, b departure) int { return a.at.Compare(b.at) })
	for i := 6; i < len(left.left); i++ {
		if gap := left.left[i].at.Sub(left.left[i-1].at); gap < everyTurn-time.Millisecond {
			t.Fatalf("%s left %s after %s", left.left[i].who, gap, left.left[i-1].who)
		}
	}
}

// A pause that begins after a turn was reserved holds it back, too.
func TestPauseVoidsReservedTurns(t *testing.T) {
	t.Parallel()
	w := setupWorld(t)
	l := w.limiter(t)
	var left time.Time
	w.run(func() {
		for range 6 {
			jobstest.Must(t, l.Wait(t.Context(), cloud.Urgent))
		}
		left = w.now()
	}, func() {
		_ = w.sleep(t.Context(), 500*time.Millisecond)
		jobstest.Must(t, l.PauseUntil(t.Context(), w.now().Add(20*time.Second)))
	})
	if waited := left.Sub(now()); waited < 20400*time.Millisecond {
		t.Errorf("left %s after the start, in the middle of the pause", waited)
	}
}

func TestRedisClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	s := setupShop(t)
	for range 6 {
		jobstest.Must(t, s.Wait(t.Context(), cloud.Urgent))
	}
	s.store.SetTime(now().AddDate(-1, 0, 0))
	before := s.now()
	jobstest.Must(t, s.Wait(t.Context(), cloud.Urgent))
	if waited := s.now().Sub(before); waited > 2*everyTurn {
		t.Errorf("waited %s", waited)
	}
}

// Four workers, eight handlers each, and the cloud's own limiter: it never says 429.
func TestTheCloudNeverSlowsUsDown(t *testing.T) {
	t.Parallel()
	w := setupWorld(t)
	sim := cloudtest.New(cloudtest.Options{Now: w.now})
	jobstest.Must(t, sim.Start())
	sim.SetLimits(cloudtest.DefaultLimits())
	t.Cleanup(func() { _ = sim.Close() })
	installation, org := sim.AddInstallation(), sim.AddOrganization()
	var handlers []func()
	for range 4 {
		worker := setup(t, func(p *cloud.Params) {
			p.Transport, p.Now, p.Limiter = nil, w.now, w.limiter(t)
			p.Config.IdentityURI, p.Config.APIURI = sim.URL(), sim.URL()
			p.Config.InstallationID, p.Config.InstallationKey = installation.ID, secret.Text(installation.Key)
		})
		jobstest.Must(t, worker.Turn(t.Context(), cloud.Urgent)) // its token
		for range 8 {
			handlers = append(handlers, func() { greedy(t, w, worker, org) })
		}
	}
	w.run(handlers...)
	if n := sim.Stats().RateLimited; n > 0 {
		t.Errorf("the cloud said 429 %d times", n)
	}
	if n := len(sim.Requests()); n < 58 {
		t.Errorf("%d requests in 70 seconds: the limit is not used", n)
	}
}

// greedy sends as fast as it may, by ways of different lengths.
func greedy(t *testing.T, w *world, worker bundle, org cloudtest.Organization) {
	request := cloud.SyncRequest{BillingSyncKey: secret.Text(org.BillingSyncKey), CloudOrganizationID: org.ID}
	for i := 0; w.now().Before(now().Add(70 * time.Second)); i++ {
		lane := cloud.Bulk
		if i%3 == 0 {
			lane = cloud.Urgent
		}
		if err := worker.Turn(t.Context(), lane); err != nil {
			t.Error(fmt.Errorf("wait: %w", err))
			return
		}
		_ = w.sleep(t.Context(), time.Duration(rand.IntN(80))*time.Millisecond)
		if _, err := worker.Client.Sync(t.Context(), request); err != nil {
			t.Error(err)
			return
		}
	}
}
