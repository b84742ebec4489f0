package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// LeaseLife is how long a sync's hold on an organisation outlives its worker.
// With the sweep's interval it bounds how long a killed worker's organisation
// waits.
const LeaseLife = 15 * time.Second

// ErrLeaseLost says that another sync holds the organisation by now; whatever
// this one was about to do must not be done.
var ErrLeaseLost = fmt.Errorf("the lease of the organisation was lost")

// Request is a full sync that was asked for.
type Request struct {
	Number int64 // of the request
	Done   bool  // it was answered by the cloud
	Denied bool  // an automatic one, and the organisation waits for a person
}

// RequestFull asks for a full sync in the name of a job. Asking again in the
// same name returns the same request. A manual one starts the organisation's
// first sync, and ends a pause.
func (l *Ledger) RequestFull(ctx context.Context, org sponsorship.ID, jobID, trigger string, now time.Time) (Request, error) {
	reply, err := l.scripts.request.Run(ctx, l.rdb, keys(org, jobID), now.UnixMilli(), markerLife.Milliseconds(), trigger).Int64Slice()
	if errors.Is(err, redis.Nil) {
		return Request{Denied: true}, nil
	}
	if err != nil {
		return Request{}, fmt.Errorf("request sync of %s: %w", org, err)
	}
	return Request{Number: reply[0], Done: reply[1] >= reply[0]}, nil
}

// Session is one sync's hold on one organisation. It is not safe for concurrent
// use, but for Renew.
type Session struct {
	Organization Organization // as it was when last read

	org    sponsorship.ID // for Renew, while Organization is read anew
	ledger *Ledger
	token  string
	now    func() time.Time
}

// Attempt says who begins a sync.
type Attempt struct {
	Token     string // names the lease's holder; never the same twice
	Now       func() time.Time
	Automatic bool // nobody asked just now: it keeps to pauses and backoffs
}

// Begun is what came of an attempt; at most one of its fields is set, and none
// when there is nothing to do before a person acts.
type Begun struct {
	Session *Session
	Busy    bool       // another sync holds the organisation, and takes along what is due
	Early   *time.Time // the backoff lasts until then
}

// Begin takes the organisation's lease and raises its generation.
func (l *Ledger) Begin(ctx context.Context, org sponsorship.ID, a Attempt) (Begun, error) {
	reply, err := l.scripts.begin.Run(ctx, l.rdb, keys(org, ""),
		a.Token, LeaseLife.Milliseconds(), a.Now().UnixMilli(), flag(a.Automatic)).StringSlice()
	if err != nil {
		return Begun{}, fmt.Errorf("begin sync of %s: %w", org, err)
	}
	switch reply[0] {
	case "busy":
		return Begun{Busy: true}, nil
	case "early":
		return Begun{Early: millis(reply[1])}, nil
	case "idle":
		return Begun{}, nil
	}
	return Begun{Session: &Session{
		Organization: parseOrganization(org, pairs(reply[1:])), org: org, ledger: l, token: a.Token, now: a.Now,
	}}, nil
}

func (l *Ledger) hash(cmd *redis.Cmd) (map[string]string, error) {
	flat, err := cmd.StringSlice()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return pairs(flat), err
}

func pairs(flat []string) map[string]string {
	h := make(map[string]string, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		h[flat[i]] = flat[i+1]
	}
	return h
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// FullOutstanding reports whether a full sync is asked for and not done, since
// when it runs, and who asked for it.
func (s *Session) FullOutstanding() (outstanding bool, since time.Time, trigger string) {
	f := s.Organization.full
	if f.requested <= f.done || f.startedAt == nil {
		return false, time.Time{}, ""
	}
	return true, *f.startedAt, f.trigger
}

// EventNumber numbers the event of this session's next outcome.
func (s *Session) EventNumber() int64 { return s.Organization.syncEvents + 1 }

// Due returns up to n sponsorships that wait for the cloud, the oldest first.
func (s *Session) Due(ctx context.Context, n int) ([]sponsorship.Sponsorship, error) {
	org := s.org
	members, err := s.ledger.rdb.ZRange(ctx, orgKey(org, "due"), 0, int64(n-1)).Result()
	if err != nil {
		return nil, fmt.Errorf("read what is due of %s: %w", org, err)
	}
	ids := make([]sponsorship.ID, len(members))
	for i, m := range members {
		ids[i] = sponsorship.ID(m)
	}
	return s.ledger.Get(ctx, org, ids...)
}

// DueCount returns how many sponsorships wait for the cloud.
func (s *Session) DueCount(ctx context.Context) (int64, error) {
	n, err := s.ledger.rdb.ZCard(ctx, orgKey(s.org, "due")).Result()
	return n, wrap(err, "count what is due of %s", s.org)
}

// Renew extends the lease; ErrLeaseLost when it is gone.
func (s *Session) Renew(ctx context.Context) error {
	_, err := s.Mark(ctx, nil)
	return err
}

// Mark stores what must be stored before a request leaves, if the lease is still
// held, and extends it. It returns which records were still at their revision:
// the others were changed meanwhile and must not be sent.
func (s *Session) Mark(ctx context.Context, writes []Write) ([]bool, error) {
	lease := leaseArgs{token: s.token, ttl: LeaseLife, now: s.now()}
	stored, lost, err := s.ledger.store(ctx, s.org, lease, writes)
	if lost {
		return nil, ErrLeaseLost
	}
	return stored, err
}

// Apply stores answers. It needs no lease: a record that was changed since it
// was marked is left alone.
func (s *Session) Apply(ctx context.Context, writes []Write) ([]bool, error) {
	stored, _, err := s.ledger.store(ctx, s.org, leaseArgs{now: s.now()}, writes)
	return stored, err
}

// Settle records a success, with its event: of the full sync that runs (then
// next is the date of the next one), or else of what was pending.
func (s *Session) Settle(ctx context.Context, full bool, next time.Time, e *Event) error {
	number, nextMillis := int64(0), int64(0)
	if full {
		number, nextMillis = s.Organization.full.begun, next.UnixMilli()
	}
	args := append([]any{s.token, s.now().UnixMilli(), number, nextMillis, s.EventNumber()}, eventArgs(e)...)
	hash, err := s.ledger.hash(s.ledger.scripts.settle.Run(ctx, s.ledger.rdb, keys(s.org, ""), args...))
	switch {
	case err != nil:
		return fmt.Errorf("settle sync of %s: %w", s.org, err)
	case hash == nil:
		return ErrLeaseLost
	}
	s.Organization = parseOrganization(s.org, hash)
	return nil
}

// Release gives the lease back if nothing is left to do, or at any rate. It
// returns false when there is more, and the lease is kept.
func (s *Session) Release(ctx context.Context, anyway bool) (bool, error) {
	hash, err := s.ledger.hash(s.ledger.scripts.release.Run(ctx, s.ledger.rdb, keys(s.org, ""),
		s.token, flag(anyway), s.now().UnixMilli()))
	if err != nil {
		return false, fmt.Errorf("release %s: %w", s.org, err)
	}
	if hash != nil {
		s.Organization = parseOrganization(s.org, hash)
	}
	return hash == nil, nil
}

// Failed describes a failure of a sync.
type Failed struct {
	Fault       *fault.Error
	RetryAt     time.Time // when the next automatic attempt may begin
	Pause       bool      // no automatic attempt until a person acts
	ServerError bool      // the cloud failed the request itself (500)
	Uncounted   bool      // it says nothing about the cloud, and lengthens no backoff
	Event       *Event    // published only if the code is a new one
}

// Fail records a failure and gives the lease back. It returns true when the
// connection was saved anew meanwhile: then nothing is paused, and the next
// attempt may begin at once.
func (s *Session) Fail(ctx context.Context, f Failed) (superseded bool, err error) {
	args := append([]any{
		s.token, s.now().UnixMilli(), string(f.Fault.Code), f.Fault.Message, f.RetryAt.UnixMilli(),
		flag(f.Pause), flag(f.ServerError), s.EventNumber(),
	}, eventArgs(f.Event)...)
	args = append(args, s.Organization.connections, flag(!f.Uncounted))
	n, err := s.ledger.scripts.fail.Run(ctx, s.ledger.rdb, keys(s.org, ""), args...).Int()
	return n == 2, wrap(err, "record failure of %s", s.org)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
