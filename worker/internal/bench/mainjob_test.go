package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// The cloud's published limit, in requests.
const perMinute = 60

// BenchmarkMainJob redeems for ten thousand members of one organization, as from a file, from
// the first enqueue to the cloud's last answer, with a real worker process.
func BenchmarkMainJob(b *testing.B) {
	n := size(10000)
	b.Run("no-limit", func(b *testing.B) {
		for b.Loop() {
			ours := redeemAll(b, n, cloudtest.Limits{}, "no")
			bare := callForEach(b, n)
			ours.report(b, n)
			b.ReportMetric(bare.Seconds(), "bare-s")
			b.ReportMetric(bare.Seconds()/ours.took.Seconds(), "ratio")
			silent(b)
		}
	})
	b.Run("on-disk", func(b *testing.B) { // each mark is on the disk before its request leaves
		for b.Loop() {
			redeemAll(b, n, cloudtest.Limits{}, "everysec").report(b, n)
			silent(b)
		}
	})
	b.Run("cloud-limits", func(b *testing.B) {
		for b.Loop() {
			ours := redeemAll(b, n, cloudtest.DefaultLimits(), "no")
			oneCallEach := time.Duration(n) * time.Minute / perMinute // cannot be faster
			ours.report(b, n)
			b.ReportMetric(oneCallEach.Seconds(), "one-call-each-s")
			b.ReportMetric(oneCallEach.Seconds()/ours.took.Seconds(), "ratio")
			silent(b)
		}
	})
}

// redeemed is what the redeems of one organization cost.
type redeemed struct {
	took               time.Duration
	requests, refusals int
}

func (r redeemed) report(b *testing.B, n int) {
	b.Helper()
	b.ReportMetric(float64(n), "redeems")
	b.ReportMetric(r.took.Seconds(), "ours-s")
	b.ReportMetric(float64(r.requests), "requests")
	b.ReportMetric(float64(r.refusals), "429s")
}

// redeemAll lets Redis sync its append-only file as told: with "no" no mark waits for the disk.
func redeemAll(b *testing.B, n int, limits cloudtest.Limits, fsync string) redeemed {
	b.Helper()
	s, nats := newStore(b), jobstest.RealNATS(b)
	jobstest.Must(b, s.rdb.ConfigSet(b.Context(), "appendfsync", fsync).Err())
	remote, at := simulate(b, limits)
	s.connect(b, organization(0), remote.AddOrganization())
	s.begin(b, organization(0))
	env := settingsOf(b, s, nats, at)
	if limits.PostPerMinute > 0 {
		env = append(env, "SPONSORSYNC_CLOUD_RATE=60", "SPONSORSYNC_CLOUD_BURST=5")
	}
	worker := runWorker(b, env)
	began := time.Now()
	jobstest.Must(b, s.enqueueFile(b.Context(), n))
	s.awaitCount(b, sponsorship.Sent, n)
	took := time.Since(began)
	worker.stop()
	if mails := len(remote.Mails()); mails != n {
		b.Fatalf("%d mails for %d redeems", mails, n)
	}
	return redeemed{took, len(remote.SyncRequests()), remote.Stats().RateLimited}
}

// awaitCount waits until n sponsorships have a status.
func (s *store) awaitCount(b *testing.B, status sponsorship.Status, n int) {
	b.Helper()
	await(b, 10*time.Millisecond, func() bool {
		counts, err := s.ledger.Counts(b.Context(), organization(0))
		return err == nil && counts[status] == int64(n)
	})
}

// callForEach is what one would write first: a handler that makes the call of
// its own job, as many at once as we have for the cloud. Its cloud only echoes:
// the simulated one gets slower with every row that it has to keep.
func callForEach(b *testing.B, n int) time.Duration {
	b.Helper()
	s := newStore(b)
	remote := &echo{latency: latency}
	calls, org := client(b, remote.start(b)), someOrganization()
	jobstest.Must(b, calls.CheckToken(b.Context())) // it lasts for all calls
	all := newCountdown(n)
	server := newBareServer(b, s, jobs.QueueIntake, cloudConcurrency)
	enqueued := make(chan error, 1)
	go func() { enqueued <- s.enqueueRedeems(b.Context(), n) }()
	took := measure(b, all, func(ctx context.Context) error {
		return server.run(ctx, func(ctx context.Context, task *asynq.Task) error {
			args, err := jobs.Decode(jobs.KindRedeem, task.Payload())
			if err != nil {
				return err
			}
			redeem := args.(jobs.Redeem)
			_, err = calls.Sync(ctx, cloud.SyncRequest{
				BillingSyncKey: secret.Text(org.BillingSyncKey), CloudOrganizationID: org.ID,
				Rows: []cloud.Row{{UserID: string(redeem.OrganizationUserID), Name: redeem.FriendlyName, Email: redeem.SponsoredEmail}},
			})
			if err == nil {
				all.down()
			}
			return err
		})
	})
	jobstest.Must(b, <-enqueued)
	if rows := remote.rows.Load(); rows != int64(n) {
		b.Fatalf("%d rows for %d redeems", rows, n)
	}
	return took
}
