package state_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestListPagesThroughEveryStatusOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	statuses := sponsorship.Statuses()
	for n := range 25 {
		jobstest.Must(t, b.seed.Put(t.Context(), record(n, statuses[n%len(statuses)])))
	}
	seen, cursor := map[sponsorship.ID]bool{}, ""
	for {
		page, next, err := b.List(t.Context(), org, state.Page{Limit: 10, Cursor: cursor})
		jobstest.Must(t, err)
		for _, s := range page {
			if seen[s.UserID] {
				t.Fatalf("%s twice", s.UserID)
			}
			seen[s.UserID] = true
		}
		if cursor = next; next == "" {
			break
		}
	}
	if len(seen) != 25 {
		t.Fatalf("%d of 25 seen", len(seen))
	}
	_, _, err := b.List(t.Context(), org, state.Page{Limit: 10, Cursor: "nonsense"})
	if _, is := errors.AsType[*state.CursorError](err); !is {
		t.Fatalf("err = %v, want a CursorError", err)
	}
}

func TestAListIsTheSameBackwards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 25 {
		jobstest.Must(t, b.seed.Put(t.Context(), record(n, sponsorship.Statuses()[n%7])))
	}
	for _, statuses := range [][]sponsorship.Status{nil, {sponsorship.Sent}, {sponsorship.Pending, sponsorship.Removed}} {
		all, _, err := b.List(t.Context(), org, state.Page{Statuses: statuses, Limit: 100})
		jobstest.Must(t, err)
		var back []sponsorship.Sponsorship
		for cursor := state.End; ; cursor = state.Cursor(back[0]) {
			page, err := b.ListBefore(t.Context(), org, state.Page{Statuses: statuses, Limit: 4, Cursor: cursor})
			jobstest.Must(t, err)
			if back = append(page, back...); len(page) < 4 {
				break
			}
		}
		if !slices.Equal(all, back) {
			t.Errorf("%v: %d forwards, %d backwards", statuses, len(all), len(back))
		}
	}
	_, err := b.ListBefore(t.Context(), org, state.Page{Limit: 1, Cursor: "nonsense"})
	if _, is := errors.AsType[*state.CursorError](err); !is {
		t.Fatalf("err = %v, want a CursorError", err)
	}
}

func TestGetKeepsTheOrderAndShowsWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	jobstest.Must(t, b.seed.Put(t.Context(), record(1, sponsorship.Sent)))
	found, err := b.Get(t.Context(), org, user(2), user(1))
	jobstest.Must(t, err)
	if found[0].Status != "" || found[0].UserID != user(2) || found[1] != record(1, sponsorship.Sent) {
		t.Errorf("found %+v", found)
	}
	b.server.HSet(state.Key(org, "rows"), string(user(3)), "not a record")
	if _, err := b.Get(t.Context(), org, user(3)); err == nil {
		t.Error("a damaged record was read")
	}
}

// A script files a row by position in KEYS, a reader finds it by name.
func TestAScriptAndAReaderMeanTheSameStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	file := state.Script("redis.call('ZADD', STATUS[ARGV[1]], 0, ARGV[2])")
	for n, status := range sponsorship.Statuses() {
		jobstest.Must(t, b.seed.Put(t.Context(), record(n, status))) // the record; its index is the script's
		b.server.Del(state.StatusKey(org, status))
		jobstest.Must(t, ignoreNil(file.Run(t.Context(), b.rdb, state.Keys(org, ""), string(status), string(user(n))).Err()))
	}
	counts, err := b.Counts(t.Context(), org)
	jobstest.Must(t, err)
	for n, status := range sponsorship.Statuses() {
		page, _, err := b.List(t.Context(), org, state.Page{Statuses: []sponsorship.Status{status}, Limit: 10})
		jobstest.Must(t, err)
		if counts[status] != 1 || len(page) != 1 || page[0].UserID != user(n) || page[0].Status != status {
			t.Errorf("%s: counted %d, listed %+v; want sponsorship %d", status, counts[status], page, n)
		}
	}
}

func TestOrganizationsAndOutboxOfAllShards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 40 {
		jobstest.Must(t, b.seed.Start(t.Context(), user(n)))
	}
	_, err := b.server.XAdd(state.ShardKey(3, "outbox"), "*", []string{"id", "e"})
	jobstest.Must(t, err)
	all, err := b.Organizations(t.Context())
	jobstest.Must(t, err)
	waiting, err := b.OutboxLength(t.Context())
	jobstest.Must(t, err)
	if len(all) != 40 || waiting != 1 {
		t.Errorf("%d organizations and %d events, want 40 and 1", len(all), waiting)
	}
	if _, known, err := b.Organization(t.Context(), org); known || err != nil {
		t.Errorf("an organization that nobody has seen: %v, %v", known, err)
	}
}

func ignoreNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}
