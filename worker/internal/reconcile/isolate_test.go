package reconcile_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// choke makes the cloud fail every request that holds one of the sponsorships.
func (b *bundle) choke(bad ...int) {
	keys := map[string]bool{}
	for _, n := range bad {
		keys[string(user(n))] = true
	}
	b.cloud.Inject(cloudtest.ServerError().When(func(r cloudtest.Request) bool {
		return slices.ContainsFunc(r.RowKeys(), func(key string) bool { return keys[key] })
	}).Times(-1))
}

// outOfPatience has the cloud fail as often as it takes to suspect a row.
func (b *bundle) outOfPatience() {
	b.t.Helper()
	for range 2 {
		if fault.CodeOf(b.full()) != fault.CloudUnavailable {
			b.t.Fatal("want patience first")
		}
	}
}

func (b *bundle) redeemMany(n int) {
	b.t.Helper()
	for i := range n {
		b.redeem(i)
	}
}

// tally counts the sponsorships by what they are.
func (b *bundle) tally(n int) map[string]int {
	count := map[string]int{}
	for i := range n {
		count[describe(b.get(i))]++
	}
	return count
}

func TestBadRowsOfAThousandAreFoundInFewRequests(t *testing.T) {
	t.Parallel()
	const n = 1000
	for _, k := range []int{1, 5, 32} {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			inRedis(b)
			b.redeemMany(n)
			bad := make([]int, k)
			for i := range bad {
				bad[i] = i * n / k
			}
			b.choke(bad...)
			b.outOfPatience()
			before := len(b.cloud.SyncRequests())
			b.mustFull()
			took := len(b.cloud.SyncRequests()) - before
			bound := int(2*float64(k)*math.Log2(n/float64(k)) + 4)
			t.Logf("%d requests of at most %d", took, bound)
			if took > bound {
				t.Errorf("%d requests, want at most %d", took, bound)
			}
			if got := b.tally(n)["refused not_accepted"]; got != k {
				t.Errorf("%d refused, want %d", got, k)
			}
			if len(b.cloud.Mails()) != n-k {
				t.Errorf("%d mails, want %d", len(b.cloud.Mails()), n-k)
			}
		})
	}
}

func TestDamagedRecordsAreNoRowsFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.mustFull()
	for range 2 {
		b.cloud.AddRow(cloudtest.Row{OrganizationID: b.remote.ID, OrganizationUserID: string(user(99)), OfferedToEmail: "x@example.com"})
	}
	b.redeem(2) // a batch of one row is the usual case
	for range 2 {
		if err := b.pending(); fault.CodeOf(err) != fault.CloudUnavailable {
			t.Fatalf("err = %v, want patience first", err)
		}
		b.clockOff.Add(int64(time.Hour))
	}
	_ = b.pending()
	b.lastError(fault.CloudUnavailable)
	if at := b.organization().RetryAt; at == nil || at.Sub(b.now()) < 9*time.Minute {
		t.Fatalf("the next attempt at %v, want a second look in ten minutes", at)
	}
	if err := b.full(); fault.CodeOf(err) != fault.CloudUnavailable || jobs.IsPermanent(err) {
		t.Fatalf("err = %v, want no judgement before ten minutes have gone", err)
	}
	b.clockOff.Add(int64(11 * time.Minute))
	before := len(b.cloud.SyncRequests())
	if err := b.full(); !jobs.IsPermanent(err) || fault.CodeOf(err) != fault.CloudRecordsDamaged {
		t.Fatalf("err = %v, want cloud_records_damaged for good", err)
	}
	b.lastError(fault.CloudRecordsDamaged)
	if hint := fault.CloudRecordsDamaged.Hint(); !strings.Contains(hint, "support") {
		t.Errorf("the hint %q does not name Bitwarden's support", hint)
	}
	for _, r := range b.cloud.SyncRequests()[before:] {
		if slices.Contains(r.RowKeys(), string(user(2))) {
			t.Error("a row is offered into damaged records")
		}
	}
	b.is(1, "sent")
	b.is(2, "pending(redeem)")

	jobstest.Must(t, b.cloud.Revoke(b.remote.ID, string(user(99)))) // support takes one of the two away
	b.clockOff.Add(int64(2 * time.Hour))
	b.mustPending() // by itself
	b.lastError("")
	b.is(2, "sent mail_uncertain")
	if b.mails(2) != 1 {
		t.Errorf("%d mails", b.mails(2))
	}
}

func TestDamagedRecordsBehindARowThatIsRefusedAreSeenToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.choke(1)
	b.outOfPatience()
	b.mustFull()
	b.is(1, "refused not_accepted")
	b.cloud.ClearFaults()
	for range 2 {
		b.cloud.AddRow(cloudtest.Row{OrganizationID: b.remote.ID, OrganizationUserID: string(user(99)), OfferedToEmail: "x@example.com"})
	}
	if err := b.full(); fault.CodeOf(err) != fault.CloudUnavailable {
		t.Fatalf("err = %v, want no success where the cloud answered for nothing", err)
	}
	b.clockOff.Add(int64(11 * time.Minute))
	if err := b.full(); fault.CodeOf(err) != fault.CloudRecordsDamaged {
		t.Fatalf("err = %v, want cloud_records_damaged", err)
	}
}

// A cloud that is ill for a while has no damaged records.
func TestASoundProbeTakesTheSuspicionBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(1)
	b.mustFull()
	b.redeem(2)
	rows := func(r cloudtest.Request) bool { return len(r.Rows) > 0 }
	ill := func() {
		b.cloud.Inject(cloudtest.ServerError().When(rows).Times(-1))
		for range 3 {
			if fault.CodeOf(b.full()) != fault.CloudUnavailable {
				t.Fatal("want cloud_unavailable")
			}
		}
	}
	ill()
	b.cloud.ClearFaults()
	b.mustFull()
	b.clockOff.Add(int64(24 * time.Hour))
	ill() // the first sighting anew
}

func TestAfterA500NewRowsGoInSmallRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inRedis(b)
	b.redeemMany(450)
	b.cloud.Inject(cloudtest.ServerError().Times(1))
	if fault.CodeOf(b.full()) != fault.CloudUnavailable {
		t.Fatal("the 500 was not seen")
	}
	before := len(b.cloud.SyncRequests())
	b.mustFull()
	var sizes []int
	for _, r := range b.cloud.SyncRequests()[before:] {
		sizes = append(sizes, len(r.Rows))
	}
	if !slices.Equal(sizes, []int{200, 200, 50}) {
		t.Errorf("requests of %v rows, want at most 200 new ones each", sizes)
	}
	for range 7 {
		b.mustFull() // seven more without trouble
	}
	for n := 1000; n < 1300; n++ {
		b.redeem(n)
	}
	before = len(b.cloud.SyncRequests())
	b.mustPending()
	if requests := b.cloud.SyncRequests()[before:]; len(requests) != 1 {
		t.Errorf("%d requests, want one again", len(requests))
	}
}

// A withdrawal that was sent and carried out in a request that failed for
// somebody else's row is not sent as if it were the first.
func TestARevocationInASuspectedBatchComesToAnEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeem(2)
	b.mustFull()
	b.redeem(1)
	b.cloud.Inject(cloudtest.ServerError().At(cloudtest.AfterEffect).When(func(r cloudtest.Request) bool {
		return slices.Contains(r.RowKeys(), string(user(1)))
	}).Times(-1))
	for range 2 {
		_ = b.pending()
		b.clockOff.Add(int64(10 * time.Minute))
	}
	jobstest.Must(t, b.change(2, revoke))
	b.mustPending()
	b.is(2, "removed")
}

// A search takes its time. What the cloud said before it, whether somebody has
// accepted an offer, is no leave to withdraw that.
func TestASearchWithdrawsNothingOnAnOldAnswer(t *testing.T) {
	t.Parallel()
	b := sent(t)
	b.redeem(3)
	b.choke(3)
	for range 2 {
		_ = b.pending()
		b.clockOff.Add(int64(10 * time.Minute))
	}
	jobstest.Must(t, b.change(1, readdress("new@example.com")))
	var answered time.Duration
	withdrawals := 0
	b.cloud.OnSync(func(_ context.Context, r cloudtest.Request) {
		now := time.Duration(b.clockOff.Load())
		for _, row := range r.Rows {
			switch {
			case row.OrganizationUserID != string(user(1)) || slices.Contains(r.RowKeys(), string(user(3))):
			case !row.ToDelete:
				answered = now
			default:
				withdrawals++
				if now-answered > time.Minute {
					t.Errorf("a withdrawal left %s after the cloud was asked", now-answered)
				}
			}
		}
		b.clockOff.Add(int64(40 * time.Second))
	})
	b.mustPending()
	b.is(1, "sent")
	if n := len(b.cloud.MailsTo("new@example.com")); n != 1 || withdrawals == 0 {
		t.Errorf("%d mails to the new address after %d withdrawals", n, withdrawals)
	}
}

// The cloud takes no more in the middle of a search: what was found stays found.
func TestASearchThatEndsEarlyKeepsWhatItFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.redeemMany(8)
	b.choke(1)
	b.outOfPatience()
	rest := func(r cloudtest.Request) bool {
		return slices.Contains(r.RowKeys(), string(user(2))) && !slices.Contains(r.RowKeys(), string(user(1)))
	}
	b.cloud.Inject(cloudtest.RateLimitedFor(60).When(rest))
	if err := b.full(); fault.CodeOf(err) != fault.CloudRateLimited {
		t.Fatalf("err = %v, want cloud_rate_limited", err)
	}
	b.is(1, "refused not_accepted")
	b.is(2, "pending(redeem)")
}
