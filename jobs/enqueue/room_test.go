package enqueue_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/record"
)

func TestTheDeadAreToldOfBeforeTheirStoreIsFull(t *testing.T) {
	t.Parallel()
	rdb := jobstest.Value(enqueue.NewRedis("redis://" + miniredis.RunT(t).Addr()))(t)
	t.Cleanup(func() { _ = rdb.Close() })
	client := enqueue.New(rdb, enqueue.Options{MaxEnded: 5})
	for n, want := range []string{"ok", "ok", "ok", "ok", "80 % full; at 100 % no new jobs are taken", "full: no new jobs are taken"} {
		fill := jobstest.Value(client.EndedFill(t.Context()))(t)
		jobstest.Equal(t, "fill", fill, float64(n)/5)
		jobstest.Equal(t, "word", enqueue.EndedWord(fill), want)
		died := record.Record{ID: string(rune('a' + n)), Kind: jobs.KindSync, Organization: org, Reason: &fault.Error{}}
		jobstest.Must(t, record.New(rdb).Bury(t.Context(), died))
	}
}

// A Redis whose memory is full answers; nobody is sent to look whether it runs.
func TestARedisWithoutMemoryIsNamed(t *testing.T) {
	t.Parallel()
	rdb := jobstest.Value(enqueue.NewRedis(jobstest.RealRedis(t).URL))(t)
	defer func() { _ = rdb.Close() }()
	jobstest.Must(t, rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	_, err := enqueue.New(rdb, enqueue.Options{}).Enqueue(t.Context(), jobs.Sync{OrganizationID: org})
	if fault.CodeOf(err) != fault.QueueUnavailable || !strings.Contains(err.Error(), "its memory is full (maxmemory)") {
		t.Errorf("refused with %v", err)
	}
}
