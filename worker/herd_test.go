package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// herdSize and manyRows are how many organizations are due, and how many rows the large
// one has: enough to be in the middle of its sync; make faults has more.
func herdSize() int { return scaled(800, 8000) }
func manyRows() int { return scaled(20_000, 100_000) }

func scaled(short, long int) int {
	if os.Getenv("SPONSORSYNC_TEST_LONG") != "" {
		return long
	}
	return short
}

// herd is a whole worker, at the default limit of the cloud but for a burst that lets
// the large organization get into the middle of its sync at once.
type herd struct {
	*testing.T
	cloud  *cloudtest.Cloud
	remote cloudtest.Organization // all are one to the cloud
	rdb    redis.UniversalClient
	ledger *ledger.Ledger
	queue  *enqueue.Client
	env    []string
}

func newHerd(t *testing.T) *herd {
	t.Helper()
	h := &herd{T: t, cloud: cloudtest.New(cloudtest.Options{})}
	jobstest.Must(t, h.cloud.Start())
	t.Cleanup(func() { _ = h.cloud.Close() })
	account := h.cloud.AddInstallation()
	h.remote = h.cloud.AddOrganization()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { _ = stack.Close() })
	server := jobstest.RealRedis(t)
	h.rdb = jobstest.Value(enqueue.NewRedis(server.URL))(t)
	t.Cleanup(func() { _ = h.rdb.Close() })
	h.ledger = ledger.New(h.rdb, jobstest.Value(state.NewSealer([]byte(encryptionKey)))(t))
	jobstest.Must(t, h.ledger.Beat(t.Context()))
	h.queue = enqueue.New(h.rdb, enqueue.Options{})
	h.env = append(environment(t, stack), "REDIS_URL="+server.URL,
		"globalSettings__enableCloudCommunication=true",
		"globalSettings__installation__id="+account.ID, "globalSettings__installation__key="+account.Key,
		"globalSettings__installation__identityUri="+h.cloud.URL(), "globalSettings__installation__apiUri="+h.cloud.URL(),
		"SPONSORSYNC_CLOUD_BURST=15", "SPONSORSYNC_SHUTDOWN_TIMEOUT=1s")
	return h
}

// member numbers organizations and sponsorships alike.
func member(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("30000000-0000-4000-8000-%012d", n))
}

// large is the number of the organization with many rows, quiet that of one with none,
// whose members begin where the large one's end.
func large() int { return herdSize() }
func quiet() int { return herdSize() + 1 }

// due connects organizations that have synced before, and whose next sync was due
// while everything was down.
func (h *herd) due(first, last int) {
	h.Helper()
	group, ctx := errgroup.WithContext(h.Context())
	group.SetLimit(16)
	at := h.ledger.ShardNow(0).Add(-time.Hour)
	for n := first; n < last; n++ {
		group.Go(func() error {
			org := member(n)
			if err := h.ledger.Connect(ctx, org, state.Connection{
				CloudOrganizationID: sponsorship.ID(h.remote.ID), BillingSyncToken: secret.Text(h.remote.BillingSyncKey),
			}); err != nil {
				return err
			}
			if err := (jobstest.Ledger{Redis: h.rdb}).Sync(ctx, org, at.Add(-24*time.Hour), at); err != nil {
				return err
			}
			return h.rdb.ZAdd(ctx, state.ShardKey(state.Shard(org), "schedule"), redis.Z{
				Member: string(org), Score: float64(at.UnixMilli()),
			}).Err()
		})
	}
	jobstest.Must(h, group.Wait())
}

// rows puts sponsorships that the cloud knows into an organization.
func (h *herd) rows(org, count int) {
	h.Helper()
	for page := range slices.Chunk(numbers(count), 5000) {
		pipe := h.rdb.Pipeline()
		for _, n := range page {
			row, err := state.EncodeRow(sponsorship.Sponsorship{
				OrganizationID: member(org), UserID: member(n), Status: sponsorship.Sent, Revision: 3,
				Email: fmt.Sprintf("m%d@example.com", n), Name: "Member",
				Wire: sponsorship.Wire{Offered: fmt.Sprintf("m%d@example.com", n), Known: true},
			})
			jobstest.Must(h, err)
			pipe.HSet(h.Context(), state.Key(member(org), "rows"), string(member(n)), row)
			pipe.ZAdd(h.Context(), state.StatusKey(member(org), sponsorship.Sent), redis.Z{Member: string(member(n))})
		}
		_, err := pipe.Exec(h.Context())
		jobstest.Must(h, err)
	}
}

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func (h *herd) enqueue(args jobs.Args) {
	h.Helper()
	jobstest.Value(h.queue.Enqueue(h.Context(), args))(h)
}

// crowd waits until the burst is used up, so that the next turn lies ahead, and more of
// the herd wait than there are handlers. What a slow machine has left of the burst goes to
// the herd at once, and says nothing about who comes first.
func (h *herd) crowd() {
	h.Helper()
	system := enqueue.NewSystem(h.queue)
	jobstest.Eventually(h, jobstest.Timeout, func() bool {
		n, err := system.Waiting(h.Context(), jobs.QueueCloud)
		if err == nil && n == 0 {
			err = system.Sweep(h.Context(), time.Now().Unix()) // one a second
		}
		return err == nil && n > 0 && h.turnsAhead()
	})
}

func (h *herd) turnsAhead() bool {
	full, err := h.rdb.HGet(h.Context(), "sponsorsync:{cloud}:turns", "free").Int64() // in us
	jobstest.Must(h, err)
	now := jobstest.Value(h.rdb.Time(h.Context()).Result())(h)
	return full-now.UnixMicro() > (61*time.Second/46).Microseconds()*(15-1)
}

// sent is how many requests have arrived at the cloud.
func (h *herd) sent() int { return len(h.cloud.SyncRequests()) }

// among checks that one of the next three requests is somebody's.
func (h *herd) among(what string, before int, is func(cloudtest.Request) bool) {
	h.Helper()
	jobstest.Eventually(h, jobstest.Timeout, func() bool { return slices.ContainsFunc(h.cloud.SyncRequests()[before:], is) })
	place := slices.IndexFunc(h.cloud.SyncRequests()[before:], is) + 1
	h.Logf("%s was request %d", what, place)
	if place > 3 {
		h.Errorf("%s was request %d, want it among the next three", what, place)
	}
}

// asking waits until intake has stored a wish and a sync of its organization has begun,
// which takes as long as this machine is busy. It returns how many requests were sent by
// then, at most until the one that holds it: from here on turns count, not seconds.
func (h *herd) asking(org, user, before int) int {
	h.Helper()
	mine := func() int { return slices.IndexFunc(h.cloud.SyncRequests()[before:], holds(user)) }
	jobstest.Eventually(h, jobstest.Timeout, func() bool {
		rows, err := h.ledger.Get(h.Context(), member(org), member(user))
		begun := h.rdb.Exists(h.Context(), state.Key(member(org), "lease")).Val() > 0
		return err == nil && len(rows) == 1 && rows[0].Status != "" && (begun || mine() >= 0)
	})
	if n := mine(); n >= 0 {
		return before + n
	}
	return h.sent()
}

func holds(n int) func(cloudtest.Request) bool {
	return func(r cloudtest.Request) bool { return slices.Contains(r.RowKeys(), string(member(n))) }
}

// After downtime 8,000 organizations are due, and one is in the middle of a full sync
// of 100,000 rows. Not parallel: a worker sets go-redis's one logger.
func TestAPersonIsAmongTheNextThreeTurns(t *testing.T) {
	h := newHerd(t)
	h.due(0, herdSize()+2)
	h.rows(large(), manyRows())
	ctx, stop := context.WithCancel(t.Context())
	status := make(chan int, 1)
	go func() { status <- run(ctx, nil, h.env, streams{out: &lines{}, err: &lines{}}) }()
	defer func() {
		stop()
		if s := <-status; s != boot.Done && s != boot.Failed { // what is under way is cut off
			t.Errorf("the worker ended with %d", s)
		}
	}()
	h.enqueue(jobs.Sync{OrganizationID: member(large())})
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return h.sent() > 10 }) // now it is like any other
	h.crowd()

	before := h.sent()
	h.enqueue(jobs.Redeem{OrganizationID: member(quiet()), OrganizationUserID: member(manyRows()), SponsoredEmail: "fresh@example.com"})
	before = h.asking(quiet(), manyRows(), before)
	h.among("a fresh redeem", before, holds(manyRows()))

	before = h.sent()
	h.enqueue(jobs.Redeem{OrganizationID: member(large()), OrganizationUserID: member(manyRows() + 1), SponsoredEmail: "late@example.com"})
	before = h.asking(large(), manyRows()+1, before)
	h.among("a redeem in the large organization", before, holds(manyRows()+1))

	before = h.sent()
	h.enqueue(jobs.Sync{OrganizationID: member(quiet())})
	before = h.asking(quiet(), manyRows(), before)
	h.among("a person's sync", before, holds(manyRows()))
	if done := h.sent(); done > herdSize()/2 {
		t.Errorf("%d requests: there is no herd any more", done)
	}
}
