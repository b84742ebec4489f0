package enqueue_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestEnqueueAllKeepsTheOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := make([]jobs.Args, enqueue.MaxBatch)
	for i := range batch {
		batch[i] = redeem(fmt.Sprintf("member%d@example.com", i))
	}
	batch[1] = jobs.Sync{OrganizationID: org}
	receipts, err := b.client.EnqueueAll(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range receipts {
		if want := (enqueue.Receipt{ID: fmt.Sprintf("id-%d", i+1), Kind: batch[i].Kind()}); r != want {
			t.Fatalf("receipt %d is %+v, want %+v", i, r, want)
		}
	}
	if intake, cloud := b.count(t, jobs.QueueIntake), b.count(t, jobs.QueueUrgent); intake != 5 || cloud != 1 {
		t.Errorf("%d tasks of intake and %d of the cloud, want 999 jobs in 5 batches, and 1", intake, cloud)
	}
}

// Whoever runs the jobs gets them as they were put in, however many scripts that takes.
func TestABatchIsRunInItsOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := make([]jobs.Args, 450)
	for i := range batch {
		batch[i] = redeem(fmt.Sprintf("member%d@example.com", i))
	}
	if _, err := b.client.EnqueueAll(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, held := range b.batches(t) {
		got = append(got, held...)
	}
	for i, id := range got {
		if want := fmt.Sprintf("id-%d", i+1); id != want {
			t.Fatalf("job %d is %s, want %s", i+1, id, want)
		}
	}
	if len(got) != len(batch) {
		t.Errorf("%d jobs, want %d", len(got), len(batch))
	}
}

// Jobs that come at the same time share round trips, not their failures.
func TestJobsThatComeTogetherFailAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const broken sponsorship.ID = "7f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"
	if err := b.store.Set(state.Key(broken, ""), "no hash"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 100 {
		args := redeem(fmt.Sprintf("member%d@example.com", i))
		if i%2 == 0 {
			args.OrganizationID = broken
		}
		all.Go(func() {
			_, err := b.client.Enqueue(t.Context(), args)
			if fails := args.OrganizationID == broken; fails != (fault.CodeOf(err) == fault.QueueUnavailable) {
				t.Errorf("job of %s: error %v", args.OrganizationID, err)
			}
		})
	}
	all.Wait()
	if n := b.count(t, jobs.QueueIntake); n != 50 {
		t.Errorf("%d jobs in the queue, want 50", n)
	}
}

func TestEnqueueAllIsAllOrNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.client.EnqueueAll(t.Context(), []jobs.Args{
		redeem("ann@example.com"), redeem("nobody"), jobs.Sync{OrganizationID: "x"},
	})
	var items enqueue.BatchError
	if fault.CodeOf(err) != fault.InvalidArguments || !errors.As(err, &items) {
		t.Fatalf("error %v, want invalid_arguments with items", err)
	}
	var got []string
	for _, item := range items {
		got = append(got, fmt.Sprint(item.Index, item.Field))
	}
	if want := []string{"1sponsoredEmail", "2organizationId"}; !reflect.DeepEqual(got, want) {
		t.Errorf("faults %v, want %v", got, want)
	}
	if n := b.count(t, jobs.QueueIntake); n != 0 {
		t.Errorf("%d jobs were enqueued", n)
	}
}

func TestEnqueueAllIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.client.EnqueueAll(t.Context(), make([]jobs.Args, enqueue.MaxBatch+1))
	if fault.CodeOf(err) != fault.PayloadTooLarge {
		t.Errorf("error %v, want payload_too_large", err)
	}
}

func TestHundredParallelCopiesAreOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const copies = 100
	receipts := make([][]enqueue.Receipt, copies)
	var all sync.WaitGroup
	for i := range copies {
		all.Go(func() {
			var err error
			receipts[i], err = b.client.EnqueueAll(t.Context(), twoRedeems(), enqueue.WithIdempotency(enqueue.Idempotency{Key: "order 1", BodyHash: "h"}))
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	first := 0
	for _, r := range receipts {
		if r[0].ID != receipts[0][0].ID || r[1].ID != receipts[0][1].ID {
			t.Fatalf("ids %v and %v", r, receipts[0])
		}
		if !r[0].Duplicate {
			first++
		}
	}
	if first != 1 {
		t.Errorf("%d copies say that they are the first", first)
	}
	if held := b.batches(t); len(held) != 1 || len(held[0]) != 2 {
		t.Errorf("the queue holds %v, want one batch of two", held)
	}
}

func TestRepeatCompletesWhatTheFirstBegan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	once := enqueue.WithIdempotency(enqueue.Idempotency{Key: "order 1", BodyHash: "h"})
	first, err := b.client.EnqueueAll(t.Context(), twoRedeems(), once)
	if err != nil {
		t.Fatal(err)
	}
	// As if the first had died before they were in the queue.
	if err := b.asynq.DeleteTask(string(jobs.QueueIntake), b.next(t)); err != nil {
		t.Fatal(err)
	}
	again, err := b.client.EnqueueAll(t.Context(), twoRedeems(), once)
	if err != nil {
		t.Fatal(err)
	}
	if again[1].ID != first[1].ID || !again[1].Duplicate {
		t.Errorf("repeat answered %+v, the first %+v", again, first)
	}
	if held := b.batches(t); len(held) != 1 || len(held[0]) != 2 {
		t.Errorf("the queue holds %v, want one batch of two", held)
	}
}

func TestOneJobUnderAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	send := func(address string) (enqueue.Receipt, error) {
		return b.client.Enqueue(t.Context(), redeem(address), enqueue.WithIdempotency(enqueue.Idempotency{Key: "order 1"}))
	}
	first, err := send("ann@example.com")
	if err != nil || first.Duplicate {
		t.Fatalf("%+v, %v, want a first", first, err)
	}
	again, err := send("ann@example.com")
	if want := (enqueue.Receipt{ID: first.ID, Kind: first.Kind, Duplicate: true}); err != nil || again != want {
		t.Errorf("%+v, %v, want %+v", again, err, want)
	}
	if _, err := send("bob@example.com"); fault.CodeOf(err) != fault.IdempotencyKeyReused {
		t.Errorf("error %v, want idempotency_key_reused", err)
	}
	if n := b.count(t, jobs.QueueIntake); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
}

func TestBatchRefusesOneID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.client.EnqueueAll(t.Context(), twoRedeems(), enqueue.WithID("mine")); fault.CodeOf(err) != fault.InvalidArguments {
		t.Errorf("error %v, want invalid_arguments", err)
	}
}

func TestKeyWithAnotherBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	send := func(hash string, batch []jobs.Args) error {
		_, err := b.client.EnqueueAll(t.Context(), batch, enqueue.WithIdempotency(enqueue.Idempotency{Key: "order 1", BodyHash: hash}))
		return err
	}
	if err := send("h", twoRedeems()); err != nil {
		t.Fatal(err)
	}
	if err := send("other", twoRedeems()); fault.CodeOf(err) != fault.IdempotencyKeyReused {
		t.Errorf("error %v, want idempotency_key_reused", err)
	}
	if err := send("h", twoRedeems()[:1]); fault.CodeOf(err) != fault.IdempotencyKeyReused {
		t.Errorf("error %v, want idempotency_key_reused", err)
	}
	for _, key := range b.store.Keys() {
		if !strings.HasPrefix(key, "sponsorsync:idempotency:") {
			continue
		}
		if ttl := b.store.TTL(key); ttl <= 0 || len(key) != len("sponsorsync:idempotency:")+64 {
			t.Errorf("record %s lives %v", key, ttl)
		}
	}
}

func twoRedeems() []jobs.Args {
	return []jobs.Args{redeem("ann@example.com"), redeem("bob@example.com")}
}
