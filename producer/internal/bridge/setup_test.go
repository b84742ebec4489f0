package bridge_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	acme  = sponsorship.ID("11111111-1111-4111-8111-111111111111")
	bravo = sponsorship.ID("22222222-2222-4222-8222-222222222222")
)

func user(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("33333333-3333-4333-8333-%012d", n))
}

// world is a vault in memory, a real Redis, and what the workers' intake does.
type world struct {
	t      *testing.T
	now    time.Time
	vaults map[sponsorship.ID]*vault.Snapshot
	away   error                    // of every call
	broken map[sponsorship.ID]error // of reading one organization
	dirty  map[sponsorship.ID]bool  // told by the next Changed

	unwritable map[sponsorship.ID]error // of writing to one organization
	busy       bool                     // the server keeps every row

	rdb    redis.UniversalClient
	client *enqueue.Client
	ledger *state.Ledger
	memory *memory.Store
	seed   jobstest.Ledger
	born   int
}

func setup(t *testing.T) *world {
	t.Helper()
	return setupOn(t, jobstest.RealRedis(t).URL)
}

func setupOn(t *testing.T, url string) *world {
	t.Helper()
	rdb := jobstest.Value(enqueue.NewRedis(url))(t)
	t.Cleanup(func() { jobstest.Must(t, rdb.Close()) })
	sealer := jobstest.Value(state.NewSealer(make([]byte, 32)))(t)
	w := &world{
		t: t, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), vaults: map[sponsorship.ID]*vault.Snapshot{},
		broken: map[sponsorship.ID]error{}, dirty: map[sponsorship.ID]bool{}, unwritable: map[sponsorship.ID]error{},
		rdb: rdb, ledger: state.New(rdb, sealer), memory: memory.New(rdb, sealer), seed: jobstest.Ledger{Redis: rdb},
	}
	w.client = enqueue.New(rdb, enqueue.Options{Now: w.clock})
	w.organization(acme)
	return w
}

func (w *world) clock() time.Time { return w.now }

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

func (w *world) organization(org sponsorship.ID) {
	w.vaults[org] = &vault.Snapshot{
		Organization: org, Found: true, Name: "Name of " + string(org[:4]), Members: map[sponsorship.ID]bool{user(0): true},
		Connections: []vault.Connection{{ID: "c-" + string(org[:4]), Enabled: true, CloudOrganization: user(900), Token: "the-token"}},
	}
	w.dirty[org] = true
}

// offer puts a new member's row into the vault.
func (w *world) offer(org sponsorship.ID, n int, address string) *vault.Row {
	w.born++
	v := w.vaults[org]
	v.Members[user(n)] = true
	midnight := w.now.Truncate(24 * time.Hour)
	days := int(midnight.Sub(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	id := fmt.Sprintf("%08x-0000-4000-8000-%04x%08x", w.born, days, int64(w.now.Sub(midnight)*300/time.Second))
	v.Rows = append(v.Rows, vault.Row{ID: id, User: user(n), Email: address, Name: address})
	w.dirty[org] = true
	return &v.Rows[len(v.Rows)-1]
}

func (w *world) remove(org sponsorship.ID, n int) {
	v := w.vaults[org]
	v.Rows = slices.DeleteFunc(v.Rows, func(r vault.Row) bool { return r.User == user(n) })
	w.dirty[org] = true
}

// database is one bridge's view of the vaults.
type database struct {
	w      *world
	called bool
	reads  *int
}

func (d *database) Changed(context.Context) ([]sponsorship.ID, error) {
	if d.w.away != nil {
		return nil, d.w.away
	}
	changed := d.w.dirty
	if !d.called {
		changed = map[sponsorship.ID]bool{}
		for org := range d.w.vaults {
			changed[org] = true
		}
	}
	d.called, d.w.dirty = true, map[sponsorship.ID]bool{}
	return slices.Sorted(maps.Keys(changed)), nil
}

func (d *database) Read(_ context.Context, org sponsorship.ID) (vault.Snapshot, error) {
	*d.reads++
	if err := errors.Join(d.w.away, d.w.broken[org]); err != nil {
		return vault.Snapshot{}, err
	}
	s := *d.w.vaults[org]
	s.Rows, s.Members = slices.Clone(s.Rows), maps.Clone(s.Members)
	return s, nil
}

func (d *database) Write(_ context.Context, org sponsorship.ID, w vault.Write) (vault.Outcome, error) {
	if err := errors.Join(d.w.away, d.w.unwritable[org]); err != nil {
		return "", err
	}
	v := d.w.vaults[org]
	i := slices.IndexFunc(v.Rows, func(r vault.Row) bool { return reflect.DeepEqual(r, w.Was) })
	switch {
	case d.w.busy:
		return vault.Busy, nil
	case i < 0:
		return vault.Overtaken, nil
	case w.Delete:
		v.Rows = slices.Delete(v.Rows, i, i+1)
	default:
		v.Rows[i].Marked, v.Rows[i].Synced, v.Rows[i].ValidUntil = w.Marked, w.Synced, w.ValidUntil
	}
	return vault.Written, nil
}

// running is a bridge with what it did.
type running struct {
	*bridge.Bridge
	reads int
}

// bridge starts another bridge; change may alter its parts.
func (w *world) bridge(token string, change ...func(*bridge.Params)) *running {
	r := &running{}
	p := bridge.Params{
		Database: &database{w: w, reads: &r.reads}, Queue: bridge.NewQueue(w.client), Ledger: w.ledger, Memory: w.memory,
		Rules: merge.Rules{Grace: 2 * time.Minute, DatesByJob: true}, Holder: memory.Holder{Token: token, Mode: "read"},
		Interval: time.Millisecond, Now: w.clock,
	}
	for _, c := range change {
		c(&p)
	}
	r.Bridge = bridge.New(p)
	return r
}

// round makes a round that must come to its end, and some time pass.
func (w *world) round(b *running) {
	w.t.Helper()
	jobstest.Must(w.t, b.Once(w.t.Context()))
	w.pass(5 * time.Second)
}

// enqueued are the jobs that no worker has taken yet, in the words of a log.
func (w *world) enqueued() (all []string) {
	for _, task := range w.tasks() {
		args := jobstest.Value(jobs.Decode(jobs.Kind(task.Type), task.Payload))(w.t)
		switch a := args.(type) {
		case jobs.Redeem:
			all = append(all, "redeem "+a.SponsoredEmail)
		case jobs.Adopt:
			all = append(all, "adopt "+a.SponsoredEmail)
		case jobs.ChangeSponsorship:
			all = append(all, fmt.Sprintf("change %s %s %v", a.OrganizationUserID, a.SponsoredEmail, a.Revoke))
		}
	}
	slices.Sort(all)
	return all
}

func (w *world) tasks() []*asynq.TaskInfo {
	all, err := asynq.NewInspectorFromRedisClient(w.rdb).ListPendingTasks(string(jobs.QueueIntake), asynq.PageSize(1000))
	if errors.Is(err, asynq.ErrQueueNotFound) {
		return nil
	}
	jobstest.Must(w.t, err)
	return all
}

func (w *world) requireEnqueued(want ...string) {
	w.t.Helper()
	if got := w.enqueued(); !slices.Equal(got, want) {
		w.t.Errorf("enqueued %q, want %q", got, want)
	}
}

// intake carries out what waits, as the workers do.
func (w *world) intake() {
	w.t.Helper()
	inspector := asynq.NewInspectorFromRedisClient(w.rdb)
	for _, task := range w.inPlace(w.tasks()) {
		args := jobstest.Value(jobs.Decode(jobs.Kind(task.Type), task.Payload))(w.t)
		w.apply(task.ID, args)
		org := args.Organization()
		jobstest.Must(w.t, inspector.DeleteTask(task.Queue, task.ID))
		jobstest.Must(w.t, w.rdb.HSet(w.t.Context(), state.RecordKey(org, task.ID), "state", string(record.Done)).Err())
	}
}

// inPlace sorts jobs by the places that they got when they were put in.
func (w *world) inPlace(tasks []*asynq.TaskInfo) []*asynq.TaskInfo {
	place := map[string]int{}
	for _, task := range tasks {
		args := jobstest.Value(jobs.Decode(jobs.Kind(task.Type), task.Payload))(w.t)
		place[task.ID] = jobstest.Value(w.rdb.HGet(w.t.Context(), state.RecordKey(args.Organization(), task.ID), "seq").Int())(w.t)
	}
	return slices.SortedFunc(slices.Values(tasks), func(a, b *asynq.TaskInfo) int { return cmp.Compare(place[a.ID], place[b.ID]) })
}

func (w *world) apply(id string, args jobs.Args) {
	key, org := args.(jobs.Ordered).SponsorshipID(), args.Organization()
	s := jobstest.Value(w.ledger.Get(w.t.Context(), org, key))(w.t)[0]
	var wish sponsorship.Request
	switch a := args.(type) {
	case jobs.Redeem:
		wish = sponsorship.Redeem{Email: a.SponsoredEmail, Name: a.FriendlyName, AdminInitiated: a.AdminInitiated}
	case jobs.ChangeSponsorship:
		wish = sponsorship.Change{Email: a.SponsoredEmail, Name: a.FriendlyName}
		if a.Revoke {
			wish = sponsorship.Revoke{}
		}
	}
	next, _, err := sponsorship.Decide(s, wish, sponsorship.Stamp{Now: w.now, JobID: id, Vault: true})
	if fault.CodeOf(err) == fault.SponsorshipNotFound { // refused: the ledger stays as it was
		return
	}
	jobstest.Must(w.t, err)
	jobstest.Must(w.t, w.seed.Put(w.t.Context(), next))
}

// shown is what people see of the bridge.
func (w *world) shown(org sponsorship.ID) state.Bridge {
	w.t.Helper()
	o, _, err := w.ledger.Organization(w.t.Context(), org)
	jobstest.Must(w.t, err)
	if o.Bridge == nil {
		return state.Bridge{}
	}
	return *o.Bridge
}

func (w *world) requireHeld(org sponsorship.ID, want ...fault.Held) {
	w.t.Helper()
	var got []fault.Held
	for _, h := range w.shown(org).Held {
		got = append(got, h.Reason)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("held for %v, want %v", got, want)
	}
}
