package memory_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	org  = sponsorship.ID("10000000-0000-4000-8000-000000000001")
	user = sponsorship.ID("20000000-0000-4000-8000-000000000001")
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

type bundle struct {
	rdb    *redis.Client
	ledger *state.Ledger
	*memory.Store
}

// setup gives a store on a real Redis.
func setup(t *testing.T) bundle {
	t.Helper()
	options, err := redis.ParseURL(jobstest.RealRedis(t).URL)
	jobstest.Must(t, err)
	rdb := redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	sealer, err := state.NewSealer(make([]byte, 32))
	jobstest.Must(t, err)
	return bundle{rdb, state.New(rdb, sealer), memory.New(rdb, sealer)}
}

func (b bundle) load(t *testing.T) memory.Kept {
	t.Helper()
	kept, err := b.Load(t.Context(), org)
	jobstest.Must(t, err)
	return kept
}

func (b bundle) store(t *testing.T, kept memory.Kept, after merge.Memory) memory.Kept {
	t.Helper()
	kept, err := b.Save(t.Context(), kept, after, noon)
	jobstest.Must(t, err)
	return kept
}

func rowID(n int) string { return fmt.Sprintf("30000000-0000-4000-8000-%012d", n) }

// remembered is a memory of n links.
func remembered(n int) merge.Memory {
	m := merge.Memory{TakenOver: noon, Looked: noon, CloudOrg: user, Links: map[string]merge.Link{}}
	for i := range n {
		m.Links[rowID(i)] = merge.Link{Key: user, User: user, Email: "digest", Wishes: i, Synced: noon}
	}
	return m
}

func TestAMemoryIsReadBackAsItWasStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	empty := b.load(t)
	if !empty.New || len(empty.Links) != 0 {
		t.Fatalf("before the first look: %+v", empty.Memory)
	}
	digest := empty.Digest("address", "mum@example.com")
	b.store(t, empty, remembered(450))
	got := b.load(t)
	if got.New || !got.TakenOver.Equal(noon) || got.CloudOrg != user || len(got.Links) != 450 || got.Links[rowID(7)] != remembered(8).Links[rowID(7)] {
		t.Fatalf("read %+v, %d links", got.Memory, len(got.Links))
	}
	jobstest.Equal(t, "the digest", got.Digest("address", "mum@example.com"), digest)
	if got.Digest("name", "mum@example.com") == digest || got.Digest("address", "mum@example.org") == digest {
		t.Error("different texts or fields have one digest")
	}
}

func TestOnlyWhatHasChangedIsWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kept := b.store(t, b.load(t), remembered(300))
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.Key(org, "bridge:links"), rowID(1), "untouched").Err())
	after := remembered(299) // one is dropped
	after.Links[rowID(5)] = merge.Link{Key: user, User: user, Marked: true}
	b.store(t, kept, after)
	stored, err := b.rdb.HGetAll(t.Context(), state.Key(org, "bridge:links")).Result()
	jobstest.Must(t, err)
	jobstest.Equal(t, "links", len(stored), 299)
	jobstest.Equal(t, "one that has not changed", stored[rowID(1)], "untouched")
	if !strings.Contains(stored[rowID(5)], `"marked":true`) || !strings.HasPrefix(stored[rowID(5)], `{"v":1,`) {
		t.Errorf("stored %s", stored[rowID(5)])
	}
}

// The bridge that was overtaken must not undo what the other remembers.
func TestAMemoryThatWasOvertakenIsNotStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store(t, b.load(t), remembered(1))
	slow, fast := b.load(t), b.load(t)
	after := remembered(1)
	after.Withdrawn = 3
	b.store(t, fast, after)
	if _, err := b.Save(t.Context(), slow, remembered(2), noon); !errors.Is(err, memory.ErrOvertaken) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if got := b.load(t); got.Withdrawn != 3 || len(got.Links) != 1 {
		t.Errorf("the later write is lost: %+v", got.Memory)
	}
	empty := setup(t)
	first, second := empty.load(t), empty.load(t)
	empty.store(t, first, remembered(1))
	if _, err := empty.Save(t.Context(), second, remembered(1), noon); !errors.Is(err, memory.ErrOvertaken) {
		t.Errorf("two first looks were both stored: %v", err)
	}
}

func TestAMemoryThatWasBegunIsNotNew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 2 {
		_, err := b.Begin(t.Context(), b.load(t), merge.Memory{Begun: noon})
		jobstest.Must(t, err)
	}
	got := b.load(t)
	if got.New || !got.Begun.Equal(noon) || !got.TakenOver.IsZero() {
		t.Errorf("after a look that came to nothing: %+v", got.Memory)
	}
}

func TestNobodysAddressIsReadableWithoutTheKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store(t, b.load(t), remembered(1))
	other, err := state.NewSealer([]byte("another key that has 32 bytes..."))
	jobstest.Must(t, err)
	if _, err := memory.New(b.rdb, other).Load(t.Context(), org); err == nil || !strings.Contains(err.Error(), "SPONSORSYNC_ENCRYPTION_KEY") {
		t.Errorf("got %v, want an error that names the setting", err)
	}
}

func TestANewerMemoryIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store(t, b.load(t), remembered(1))
	jobstest.Must(t, b.rdb.HSet(t.Context(), state.Key(org, "bridge:links"), rowID(0), `{"v":2}`).Err())
	if _, err := b.Load(t.Context(), org); !errors.Is(err, state.ErrNewer) {
		t.Errorf("got %v, want ErrNewer", err)
	}
}

func TestHoldsAreToldOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	told := func() (types []string) {
		messages, err := b.rdb.XRange(t.Context(), state.ShardKey(state.Shard(org), "outbox"), "-", "+").Result()
		jobstest.Must(t, err)
		for _, m := range messages {
			e, err := events.Decode[events.Bridge]([]byte(m.Values["event"].(string)))
			jobstest.Must(t, err)
			types = append(types, strings.TrimPrefix(e.Type, "sponsorsync.bridge.")+" "+string(e.Data.Reason)+" "+string(e.Data.OrganizationUserID))
		}
		return types
	}
	kept := b.load(t)
	after := remembered(0)
	after.Holds = []merge.Hold{{Reason: fault.HeldRestored, Since: noon}, {Reason: fault.HeldRowVanished, User: user, Since: noon}}
	kept = b.store(t, kept, after)
	kept = b.store(t, kept, after) // nothing new
	o, known, err := b.ledger.Organization(t.Context(), org)
	jobstest.Must(t, err)
	if !known || len(o.Bridge.Held) != 2 || o.Bridge.Held[1].User != user || !o.Bridge.Looked.Equal(noon) {
		t.Errorf("people see %+v", o.Bridge)
	}
	after.Holds = after.Holds[1:]
	b.store(t, kept, after)
	want := []string{"held restored ", "held row_vanished " + string(user), "resumed restored "}
	if got := told(); strings.Join(got, ",") != strings.Join(want, ",") {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestAFailureIsShownUntilALookEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	shown := func() fault.Code {
		o, _, err := b.ledger.Organization(t.Context(), org)
		jobstest.Must(t, err)
		if o.Bridge == nil || o.Bridge.Error == nil {
			return ""
		}
		return o.Bridge.Error.Code
	}
	fail := func(of sponsorship.ID, code fault.Code) {
		jobstest.Must(t, b.Fail(t.Context(), of, state.Failure{Error: *fault.New(code, "why"), At: noon}))
	}
	fail(org, fault.BridgeSchemaUnknown)
	jobstest.Equal(t, "after a failed first look", shown(), fault.BridgeSchemaUnknown)
	b.store(t, b.load(t), remembered(0))
	jobstest.Equal(t, "after one that ended", shown(), "")
	fail("", fault.BridgeDatabaseUnavailable)
	jobstest.Equal(t, "with the database away", shown(), fault.BridgeDatabaseUnavailable)
	jobstest.Must(t, b.Well(t.Context(), ""))
	jobstest.Equal(t, "with the database back", shown(), "")
}

func TestOneBridgeHasTheLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := memory.Holder{Token: "a", Mode: "read"}, memory.Holder{Token: "b", Mode: "read"}
	take := func(h memory.Holder) bool {
		taken, err := b.Take(t.Context(), h)
		jobstest.Must(t, err)
		return taken
	}
	if !take(first) || take(second) || !take(first) {
		t.Fatal("the lease is not its first holder's")
	}
	jobstest.Must(t, b.Leave(t.Context(), second))
	jobstest.Equal(t, "after the other gave back what it does not have", take(second), false)
	jobstest.Must(t, b.Leave(t.Context(), first))
	jobstest.Equal(t, "after it was given back", take(second), true)
	life, err := b.rdb.PTTL(t.Context(), state.BridgeLeaseKey).Result()
	jobstest.Must(t, err)
	if life <= 0 || life > memory.Life {
		t.Errorf("the lease lives %s", life)
	}
}

func TestAskedOrganizationsComeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 2 {
		jobstest.Must(t, b.Ask(t.Context(), org))
	}
	got, err := b.Asked(t.Context())
	jobstest.Must(t, err)
	if len(got) != 1 || got[0] != org {
		t.Errorf("got %v", got)
	}
	again, err := b.Asked(t.Context())
	jobstest.Must(t, err)
	jobstest.Equal(t, "asked again", len(again), 0)
}

func TestForgettingKeepsARowFromComingBackAsNew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := remembered(2)
	gone := m.Links[rowID(0)]
	gone.Gone, gone.Over = noon, true
	m.Links[rowID(0)] = gone
	b.store(t, b.load(t), m)
	jobstest.Must(t, b.Forget(t.Context(), org, user))
	links := maps.Clone(b.load(t).Links)
	if want := (merge.Link{Key: user, Email: "digest", Gone: noon, Over: true}); links[rowID(0)] != want {
		t.Errorf("of a row that is gone stays %+v, want %+v", links[rowID(0)], want)
	}
	jobstest.Equal(t, "a row that is there", links[rowID(1)], m.Links[rowID(1)])
	jobstest.Must(t, b.Forget(t.Context(), "10000000-0000-4000-8000-00000000000f", user)) // nothing is known of it
}

// Memory goes with the rest of an organization that is erased.
func TestErasingAnOrganizationErasesItsMemory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.store(t, b.load(t), remembered(3))
	jobstest.Must(t, b.ledger.Erase(t.Context(), org))
	jobstest.Equal(t, "nothing is remembered", b.load(t).New, true)
	keys, err := b.rdb.Keys(t.Context(), state.Key(org, "*")).Result()
	jobstest.Must(t, err)
	jobstest.Equal(t, "keys that are left", len(keys), 0)
}
