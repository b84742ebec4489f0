package backlog_test

import (
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/backlog"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestCollector(t *testing.T) {
	t.Parallel()
	store := miniredis.RunT(t)
	rdb, err := enqueue.NewRedis("redis://" + store.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rdb.Close() })
	receipt, err := enqueue.New(rdb, enqueue.Options{}).Enqueue(t.Context(), jobs.Sync{OrganizationID: "11111111-1111-4111-8111-111111111111"})
	if err != nil {
		t.Fatal(err)
	}
	died := record.Record{ID: "died", Kind: jobs.KindSync, Organization: "11111111-1111-4111-8111-111111111111", Reason: &fault.Error{}}
	if err := record.New(rdb).Bury(t.Context(), died); err != nil {
		t.Fatal(err)
	}
	ledger := state.New(rdb, nil)
	if err := errors.Join(ledger.BeatScheduler(t.Context(), time.Minute), ledger.Stop(t.Context(), "", time.Now())); err != nil {
		t.Fatal(err)
	}
	since := time.Unix(1_800_000_000, 0)
	store.HSet("asynq:{urgent}:t:"+receipt.ID, "pending_since", "1800000000000000000")
	failures := 0
	c, err := backlog.New(backlog.Params{
		Redis: rdb, Ledger: state.New(rdb, nil), Timeout: time.Minute,
		Now: func() time.Time { return since.Add(90 * time.Second) }, Failed: func(error) { failures++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"sponsorsync_redis_up": 1, "sponsorsync_workers": 0, "sponsorsync_worker_outdated": 0, "sponsorsync_scheduler_silent_seconds": 0, "sponsorsync_queue_paused intake": 0, "sponsorsync_sending_paused": 1,
		"sponsorsync_ended_jobs dead": 1, "sponsorsync_ended_jobs refused": 0,
		"sponsorsync_ended_jobs_fill_ratio": 1 / float64(enqueue.MaxEnded),
		"sponsorsync_outbox_depth":          0, "sponsorsync_queue_depth urgent pending": 1, "sponsorsync_queue_depth intake pending": 0,
		"sponsorsync_queue_oldest_pending_seconds urgent": 90, "sponsorsync_queue_oldest_pending_seconds intake": 0,
	}
	got := scrape(t, c)
	for name, value := range want {
		if found, shown := got[name]; !shown || found != value {
			t.Errorf("%s is %v (shown: %v), want %v", name, found, shown, value)
		}
	}
	if failures != 0 {
		t.Errorf("%d failures, want none", failures)
	}
	store.Close()
	if got := scrape(t, c); len(got) != 1 || got["sponsorsync_redis_up"] != 0 || failures != 1 {
		t.Errorf("without Redis %v and %d failures, want nothing but that and 1", got, failures)
	}
}

// scrape returns the figures by name and labels.
func scrape(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			figures[name] = m.GetGauge().GetValue()
		}
	}
	return figures
}

func TestNewRefusesWhatIsIncomplete(t *testing.T) {
	t.Parallel()
	if _, err := backlog.New(backlog.Params{}); err == nil {
		t.Error("a collector of nothing was made")
	}
}
