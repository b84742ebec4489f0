package record_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	org    sponsorship.ID = "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"
	member sponsorship.ID = "0b0b0b0b-ab5d-4bb3-9b7a-000000000001"
)

type bundle struct {
	*testing.T
	server *miniredis.Miniredis
	rdb    redis.UniversalClient
	*record.Store
}

func setup(t *testing.T) bundle {
	t.Helper()
	server := miniredis.RunT(t)
	server.SetTime(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	return bundle{t, server, rdb, record.New(rdb)}
}

func (b bundle) later(d time.Duration) {
	now, _ := b.rdb.Time(b.Context()).Result()
	b.server.SetTime(now.Add(d))
}

func (b bundle) order(user sponsorship.ID) []string {
	b.Helper()
	return jobstest.Value(b.rdb.LRange(b.Context(), state.OrderKey(org, user), 0, -1).Result())(b)
}

func (b bundle) find(id string) record.Record {
	b.Helper()
	r, found, err := b.Find(b.Context(), id)
	jobstest.Must(b, err)
	if !found {
		b.Fatalf("no record of job %s", id)
	}
	return r
}

func (b bundle) stamp(items []record.Item) {
	b.Helper()
	for _, s := range b.Stamp(b.Context(), items) {
		jobstest.Must(b, s.Err)
	}
}

func item(id string) record.Item {
	return record.Item{ID: id, Kind: jobs.KindRedeem, Organization: org, User: member}
}

func dead(id string) record.Record {
	return record.Record{
		ID: id, Kind: jobs.KindRedeem, Organization: org, User: member, Attempts: 3, Args: []byte(`{"x":1}`),
		Reason: fault.New(fault.CloudUnavailable, "the cloud answered 503"),
	}
}

func TestStampKeepsTheOrderOfTheItems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var items []record.Item
	var want []string
	for n := range 450 { // more than one script
		items = append(items, item(fmt.Sprint("job-", n)))
		want = append(want, items[n].ID)
	}
	b.stamp(items)
	if got := b.order(member); !slices.Equal(got, want) {
		t.Errorf("the order is %v", got)
	}
	first, last := b.find("job-0"), b.find("job-449")
	if first.Sequence >= last.Sequence || first.State != record.Waiting || first.EnqueuedAt.IsZero() {
		t.Errorf("first %+v, last %+v", first, last)
	}
}

// What cannot be stamped of one organization is not the others' failure; but what came
// after it must not overtake it.
func TestAStampThatFailsIsOneOrganizations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const another sponsorship.ID = "7f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"
	jobstest.Must(t, b.rdb.Set(t.Context(), state.OrderKey(org, member), "no list", 0).Err())
	var items []record.Item
	for n := range 300 {
		theirs := item(fmt.Sprint("theirs-", n))
		theirs.Organization = another
		ours := item(fmt.Sprint("ours-", n))
		if n >= 200 { // in the second script
			ours.User = "0b0b0b0b-ab5d-4bb3-9b7a-000000000002"
		}
		items = append(items, ours, theirs)
	}
	for n, s := range b.Stamp(t.Context(), items) {
		if fails := items[n].Organization == org; (s.Err != nil) != fails {
			t.Fatalf("%s: error %v", items[n].ID, s.Err)
		}
	}
	if got := b.order("0b0b0b0b-ab5d-4bb3-9b7a-000000000002"); len(got) > 0 {
		t.Errorf("%v overtook those that failed", got)
	}
}

// Jobs that are put in together may hold one twice, new and known ones, and one that has ended.
func TestAStampOfAllSorts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stamp([]record.Item{item("known"), item("dead")})
	jobstest.Must(t, b.Bury(t.Context(), dead("dead")))
	again := item("again")
	again.Sequence = 1
	stamped := b.Stamp(t.Context(), []record.Item{item("new"), item("known"), item("dead"), again, item("new"), item("newer")})
	for n, s := range stamped {
		if s != (record.Stamped{Over: n == 2}) {
			t.Errorf("item %d: %+v", n, s)
		}
	}
	if got := b.order(member); !slices.Equal(got, []string{"known", "new", "again", "newer"}) {
		t.Errorf("the order is %v", got)
	}
	numbers := []int64{b.find("known").Sequence, b.find("new").Sequence, b.find("again").Sequence, b.find("newer").Sequence}
	if !slices.Equal(numbers, []int64{1, 3, 1, 4}) {
		t.Errorf("the numbers are %v", numbers)
	}
}

func TestASecondStampKeepsThePlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stamp([]record.Item{item("one"), item("two")})
	before := b.find("one")
	b.stamp([]record.Item{item("one")})
	if got := b.order(member); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the order is %v", got)
	}
	if after := b.find("one"); !reflect.DeepEqual(after, before) {
		t.Errorf("%+v, want %+v", after, before)
	}
}

func TestAnItemOfABatchKnowsItsPlaceThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := item("one")
	one.Batch, one.Place = "batch", 7
	b.stamp([]record.Item{one})
	if r := b.find("one"); r.Batch != "batch" || r.Place != 7 || r.Organization != org || r.User != member || r.Kind != jobs.KindRedeem {
		t.Errorf("%+v", r)
	}
	if v := b.rdb.HGet(t.Context(), state.RecordKey(org, "one"), "v").Val(); v != "1" {
		t.Errorf("version %q, want 1", v)
	}
}

// A producer that dies between the stamp and the queue must not block the others,
// nor must one that is only slow lose its place.
func TestAJobThatNeverCameIsSkippedOnlyAfterAWhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stamp([]record.Item{item("lost"), item("two")})
	lost := record.Blocker{ID: "lost", Organization: org, User: member}
	b.later(record.Unput - time.Second)
	if free := jobstest.Value(b.Unblock(t.Context(), lost, false))(t); free {
		t.Error("it was skipped although it may still come")
	}
	b.later(2 * time.Second)
	if free := jobstest.Value(b.Unblock(t.Context(), lost, false))(t); !free {
		t.Error("it was not skipped")
	}
	if got := b.order(member); !slices.Equal(got, []string{"two"}) {
		t.Errorf("the order is %v", got)
	}
	if _, found, _ := b.Find(t.Context(), "lost"); found {
		t.Error("its record is still there, so should it come at last it could not take a new place")
	}
}

func TestUnblockTakesTheFirstOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stamp([]record.Item{item("one"), item("two")})
	if free := jobstest.Value(b.Unblock(t.Context(), record.Blocker{ID: "two", Organization: org, User: member}, true))(t); !free {
		t.Error("the first has changed, so the way may be free")
	}
	if got := b.order(member); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the order is %v", got)
	}
	jobstest.Value(b.Unblock(t.Context(), record.Blocker{ID: "one", Organization: org, User: member}, true))(t)
	if got := b.order(member); !slices.Equal(got, []string{"two"}) {
		t.Errorf("the order is %v", got)
	}
}

func TestADeadJobIsWrittenDownAndHoldsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stamp([]record.Item{item("one"), item("two")})
	stamped := b.find("one")
	jobstest.Must(t, b.Bury(t.Context(), dead("one")))
	b.later(time.Hour)
	again := dead("one")
	again.Reason = fault.New(fault.QueueUnavailable, "another")
	jobstest.Must(t, b.Bury(t.Context(), again)) // the worker was killed just then
	r := b.find("one")
	if r.State != record.Dead || r.Reason.Code != fault.CloudUnavailable || r.Attempts != 3 || string(r.Args) != `{"x":1}` || r.EndedAt.IsZero() {
		t.Errorf("%+v", r)
	}
	if r.Sequence != stamped.Sequence || !r.EnqueuedAt.Equal(stamped.EnqueuedAt) {
		t.Errorf("%+v, but it was stamped as %+v", r, stamped)
	}
	if got := b.order(member); !slices.Equal(got, []string{"two"}) {
		t.Errorf("the order is %v", got)
	}
}

func TestADeadJobWhoseArgumentsNobodyCanReadIsWrittenDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stamp([]record.Item{item("stamped")})
	for _, id := range []string{"stamped", "foreign"} {
		r := dead(id)
		r.Organization, r.User = "", ""
		jobstest.Must(t, b.Bury(t.Context(), r))
		if got := b.find(id); got.State != record.Dead {
			t.Errorf("%+v", got)
		}
	}
	if got := b.find("stamped"); got.Organization != org {
		t.Errorf("%+v, want the organization that it was stamped with", got)
	}
}

func TestDeadListsEachOnceWhateverItsShard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := map[string]bool{}
	for n := range 330 {
		r := dead(fmt.Sprint("job-", n))
		r.Organization = sponsorship.ID(fmt.Sprintf("6f1ed002-ab5d-4bb3-9b7a-%012d", n%3))
		jobstest.Must(t, b.Bury(t.Context(), r))
		want[r.ID] = true
	}
	if dead, refused, err := b.Count(t.Context()); dead != 330 || refused != 0 || err != nil {
		t.Errorf("%d dead, %d refused, %v", dead, refused, err)
	}
	for r, err := range b.Dead(t.Context()) {
		jobstest.Must(t, err)
		if !want[r.ID] {
			t.Fatalf("unexpected %+v", r)
		}
		delete(want, r.ID)
	}
	if len(want) != 0 {
		t.Errorf("%d dead jobs were not listed", len(want))
	}
}

func TestTrimAndForgetKeepTheirTimes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 250 { // more than one script
		jobstest.Must(t, b.Bury(t.Context(), dead(fmt.Sprint("old-", n))))
	}
	b.later(time.Hour)
	between := jobstest.Value(b.rdb.Time(t.Context()).Result())(t)
	b.later(time.Hour)
	jobstest.Must(t, b.Bury(t.Context(), dead("new")))

	if n, err := b.Forget(t.Context(), between); n != 250 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if r := b.find("old-7"); r.Args != nil || r.State != record.Dead || r.Reason.Code != fault.CloudUnavailable {
		t.Errorf("%+v, want all but the arguments", r)
	}
	if r := b.find("new"); r.Args == nil {
		t.Error("the arguments of the new one are gone")
	}
	if n, err := b.Trim(t.Context(), between); n != 250 || err != nil {
		t.Errorf("dropped %d, %v", n, err)
	}
	if _, found, _ := b.Find(t.Context(), "old-7"); found {
		t.Error("an old record is still there")
	}
	b.find("new")
}

func TestDeleteLeavesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stamp([]record.Item{item("waits"), item("stays")})
	jobstest.Must(t, b.Delete(t.Context(), b.find("waits")))
	if got := b.order(member); !slices.Equal(got, []string{"stays"}) {
		t.Errorf("the order is %v", got)
	}
	jobstest.Must(t, b.Bury(t.Context(), dead("one")))
	jobstest.Must(t, b.Delete(t.Context(), b.find("one")))
	if dead, _, _ := b.Count(t.Context()); dead != 0 {
		t.Errorf("%d dead", dead)
	}
	if _, found, _ := b.Find(t.Context(), "one"); found {
		t.Error("its record is still there")
	}
}
