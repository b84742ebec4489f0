package events_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const day = 24 * time.Hour

func TestRaiseNeverLowers(t *testing.T) {
	t.Parallel()
	good := jetstream.StreamConfig{Subjects: []string{"sponsorsync.>"}, MaxAge: 90 * day, Duplicates: 10 * time.Minute, Replicas: 1, MaxBytes: 1 << 30}
	for _, c := range []struct {
		name    string
		set     func(*jetstream.StreamConfig)
		want    func(*jetstream.StreamConfig)
		changed bool
	}{
		{"as promised", func(*jetstream.StreamConfig) {}, func(*jetstream.StreamConfig) {}, false},
		{"kept longer", func(c *jetstream.StreamConfig) { c.MaxAge = 365 * day }, func(c *jetstream.StreamConfig) { c.MaxAge = 365 * day }, false},
		{"kept forever", func(c *jetstream.StreamConfig) { c.MaxAge = 0 }, func(c *jetstream.StreamConfig) { c.MaxAge = 0 }, false},
		{"longer window", func(c *jetstream.StreamConfig) { c.Duplicates = time.Hour }, func(c *jetstream.StreamConfig) { c.Duplicates = time.Hour }, false},
		{"more replicas", func(c *jetstream.StreamConfig) { c.Replicas = 5 }, func(c *jetstream.StreamConfig) { c.Replicas = 5 }, false},
		{"of any size", func(c *jetstream.StreamConfig) { c.MaxBytes = -1 }, func(c *jetstream.StreamConfig) { c.MaxBytes = -1 }, false},
		{"larger", func(c *jetstream.StreamConfig) { c.MaxBytes = 2 << 30 }, func(c *jetstream.StreamConfig) { c.MaxBytes = 2 << 30 }, false},
		{"too small", func(c *jetstream.StreamConfig) { c.MaxBytes = 10 << 20 }, func(*jetstream.StreamConfig) {}, true},
		{"refuses news when full", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardNew }, func(*jetstream.StreamConfig) {}, true},
		{"kept too briefly", func(c *jetstream.StreamConfig) { c.MaxAge = day }, func(*jetstream.StreamConfig) {}, true},
		{"short window", func(c *jetstream.StreamConfig) { c.Duplicates = time.Minute }, func(*jetstream.StreamConfig) {}, true},
		{"never acknowledges", func(c *jetstream.StreamConfig) { c.NoAck = true }, func(*jetstream.StreamConfig) {}, true},
		{"narrow subjects", func(c *jetstream.StreamConfig) { c.Subjects = []string{"sponsorsync.*.sync.*", "other.>"} },
			func(c *jetstream.StreamConfig) { c.Subjects = []string{"other.>", "sponsorsync.>"} }, true},
	} {
		existing, want := good, good
		c.set(&existing)
		c.want(&want)
		_, willRaise := events.Compare(existing, events.Settings{})
		got := existing
		raised := events.Raise(&got, events.Settings{})
		if !slices.Equal(willRaise, raised) || len(raised) > 0 != c.changed {
			t.Errorf("%s: Compare says %q, raised was %q", c.name, willRaise, raised)
		}
		jobstest.Equal(t, c.name+": age", got.MaxAge, want.MaxAge)
		jobstest.Equal(t, c.name+": window", got.Duplicates, want.Duplicates)
		jobstest.Equal(t, c.name+": replicas", got.Replicas, want.Replicas)
		jobstest.Equal(t, c.name+": no ack", got.NoAck, false)
		jobstest.Equal(t, c.name+": size", got.MaxBytes, want.MaxBytes)
		jobstest.Equal(t, c.name+": discard", got.Discard, jetstream.DiscardOld)
		if !slices.Equal(got.Subjects, want.Subjects) {
			t.Errorf("%s: subjects %v, want %v", c.name, got.Subjects, want.Subjects)
		}
	}
}

func TestCompareNamesWhatCannotBeRepaired(t *testing.T) {
	t.Parallel()
	for _, bad := range []jetstream.StreamConfig{
		{Storage: jetstream.MemoryStorage}, {Retention: jetstream.WorkQueuePolicy}, {Retention: jetstream.InterestPolicy},
		{Sealed: true}, {Mirror: &jetstream.StreamSource{}},
	} {
		if mustChange, _ := events.Compare(bad, events.Settings{}); len(mustChange) != 1 {
			t.Errorf("%+v: must change %q", bad, mustChange)
		}
	}
}

func TestEnsureStreamRepairsAndKeepsMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(t, change(t, acme, user1, 1, sponsorship.Sent))
	stream, err := b.js.Stream(t.Context(), events.StreamName)
	jobstest.Must(t, err)
	config := stream.CachedInfo().Config
	config.MaxAge, config.Duplicates = 30*day, time.Minute
	config.MaxBytes = 1 << 30 // an operator's own limit
	_, err = b.js.UpdateStream(t.Context(), config)
	jobstest.Must(t, err)

	jobstest.Must(t, events.EnsureStream(t.Context(), b.js, events.Settings{}))

	stream, err = b.js.Stream(t.Context(), events.StreamName)
	jobstest.Must(t, err)
	got := stream.CachedInfo()
	jobstest.Equal(t, "age", got.Config.MaxAge, 90*day)
	jobstest.Equal(t, "window", got.Config.Duplicates, 10*time.Minute)
	jobstest.Equal(t, "the operator's limit", got.Config.MaxBytes, 1<<30)
	jobstest.Equal(t, "storage", got.Config.Storage, jetstream.FileStorage)
	jobstest.Equal(t, "messages", got.State.Msgs, 1)
}

func TestEnsureStreamByManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.js.DeleteStream(t.Context(), events.StreamName))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := events.EnsureStream(context.WithoutCancel(t.Context()), b.js, events.Settings{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	jobstest.Equal(t, "messages", b.state(t).Msgs, 0)
}

func TestEnsureStreamLeavesAloneWhatItMustNotChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.js.DeleteStream(t.Context(), events.StreamName))
	_, err := b.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: events.StreamName, Subjects: []string{"sponsorsync.>"}, Storage: jetstream.MemoryStorage,
	})
	jobstest.Must(t, err)
	err = events.EnsureStream(t.Context(), b.js, events.Settings{})
	if err == nil || !strings.Contains(err.Error(), "storage is not file: rename or delete it by hand") {
		t.Errorf("got %v", err)
	}
	stream, err := b.js.Stream(t.Context(), events.StreamName)
	jobstest.Must(t, err)
	jobstest.Equal(t, "storage", stream.CachedInfo().Config.Storage, jetstream.MemoryStorage)
}

func TestEnsureStreamTellsWhyItCannot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := events.EnsureStream(t.Context(), b.js, events.Settings{Replicas: 3})
	if err == nil {
		t.Fatal("three replicas on a single server were accepted")
	}
}

func TestANewStreamIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for set, want := range map[int64]int64{0: 1 << 30, 5 << 20: 5 << 20} {
		jobstest.Must(t, b.js.DeleteStream(t.Context(), events.StreamName))
		jobstest.Must(t, events.EnsureStream(t.Context(), b.js, events.Settings{MaxBytes: set}))
		stream, err := b.js.Stream(t.Context(), events.StreamName)
		jobstest.Must(t, err)
		jobstest.Equal(t, "bytes", stream.CachedInfo().Config.MaxBytes, want)
		jobstest.Equal(t, "discard", stream.CachedInfo().Config.Discard, jetstream.DiscardOld)
	}
}
