package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/record"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Trigger is who asked for a sync, as sync events name it.
type Trigger string

// The triggers. Only the first two ask for a full sync; lua/request.lua knows
// Manual by its text.
const (
	Manual    Trigger = "manual"
	Scheduled Trigger = "scheduled"
	Pending   Trigger = "pending" // what piled up, without the rest
)

// Request asks for a full sync in the name of a job.
type Request struct {
	JobID          string
	Trigger        Trigger
	OfficialJobOff bool // a person says that the server's own sync job is off
}

// Requested is what came of a Request.
type Requested struct {
	Done   bool // the cloud has answered it
	Denied bool // an automatic one, and the organization waits for a person
	// Refused: the connection came from the vault, and before the first sync nobody has
	// said that the server's own job is off.
	Refused *fault.Error
}

// RequestFull asks for a full sync. Asking again in the same name returns the
// same request. A manual one starts the organization's first sync, and ends a
// pause; one that is refused is recorded as such.
func (l *Ledger) RequestFull(ctx context.Context, org sponsorship.ID, r Request) (Requested, error) {
	refusal := fault.NewHeld(fault.HeldOfficialJob, "the connection of organization %s comes from the vault, and nobody has said that the server's own sync job is switched off", org)
	keys := append(state.Keys(org, r.JobID), state.RecordKey(org, r.JobID), state.ShardKey(state.Shard(org), "refused"))
	reply, err := l.scripts.request.Run(ctx, l.rdb, keys, markerLife.Milliseconds(), string(r.Trigger), r.JobID,
		flag(r.OfficialJobOff), record.Life.Milliseconds(), string(refusal.Code), refusal.Message).Int64Slice()
	if errors.Is(err, redis.Nil) {
		return Requested{Denied: true}, nil
	}
	if err != nil {
		return Requested{}, fmt.Errorf("request sync of %s: %w", org, err)
	}
	number, done := reply[0], reply[1]
	if number < 0 {
		return Requested{Refused: refusal}, nil
	}
	return Requested{Done: done >= number}, nil
}

// Session is one sync's hold on one organization. It is not safe for concurrent
// use, but for Renew.
type Session struct {
	Organization state.Organization // as it was when last read

	progress progress // read with it

	org    sponsorship.ID // for Renew, while Organization is read anew
	ledger *Ledger
	token  string
	began  time.Time
}

// Attempt says who begins a sync.
type Attempt struct {
	Token     string // names the lease's holder; never the same twice
	Automatic bool   // nobody asked just now: it keeps to pauses and backoffs
}

// Begun is what came of an attempt; at most one of its fields is set, and none
// when there is nothing to do before a person acts.
type Begun struct {
	Session *Session
	Busy    bool          // another sync holds the organization, and takes along what is due
	Early   time.Duration // the backoff lasts that much longer
}

// Begin takes the organization's lease and raises its generation.
func (l *Ledger) Begin(ctx context.Context, org sponsorship.ID, a Attempt) (Begun, error) {
	reply, err := l.scripts.begin.Run(ctx, l.rdb, state.Keys(org, ""),
		a.Token, LeaseLife.Milliseconds(), flag(a.Automatic)).StringSlice()
	if err != nil {
		return Begun{}, fmt.Errorf("begin sync of %s: %w", org, err)
	}
	switch reply[0] {
	case "busy":
		return Begun{Busy: true}, nil
	case "early":
		left, err := strconv.ParseInt(reply[1], 10, 64)
		return Begun{Early: time.Duration(left) * time.Millisecond}, err
	case "idle":
		return Begun{}, nil
	}
	l.at(org, reply[1], reply[2])
	s := &Session{org: org, ledger: l, token: a.Token}
	if began := state.Instant(reply[1]); began != nil {
		s.began = *began
	}
	s.read(pairs(reply[3:]))
	return Begun{Session: s}, nil
}

// read takes in the organization's hash.
func (s *Session) read(hash map[string]string) {
	s.Organization, s.progress = state.ParseOrganization(s.org, hash), parseProgress(hash)
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

// FullOutstanding reports whether a full sync is asked for and not done, since
// when it runs, and who asked for it.
func (s *Session) FullOutstanding() (outstanding bool, since time.Time, by Trigger) {
	f := s.progress
	if f.requested <= f.done || f.startedAt == nil {
		return false, time.Time{}, ""
	}
	return true, *f.startedAt, f.trigger
}

// FullCursor is how far the full sync has come, as Progress noted it.
func (s *Session) FullCursor() string { return s.progress.cursor }

// Progress notes how far the full sync has come: whoever carries it on begins
// there. The error is ErrLeaseLost when the lease is gone.
func (s *Session) Progress(ctx context.Context, cursor string) error {
	n, err := s.ledger.scripts.progress.Run(ctx, s.ledger.rdb, state.Keys(s.org, ""), s.token, cursor).Int()
	if err == nil && n == 0 {
		return ErrLeaseLost
	}
	return wrap(err, "note the progress of the full sync of %s", s.org)
}

// Now is the ledger's time.
func (s *Session) Now() time.Time { return s.ledger.Now(s.org) }

// EventNumber numbers the event of this session's next outcome.
func (s *Session) EventNumber() int64 { return s.progress.syncEvents + 1 }

// Due returns up to n sponsorships that wait for the cloud and may leave now, the
// oldest first.
func (s *Session) Due(ctx context.Context, n int) ([]sponsorship.Sponsorship, error) {
	_, ids, err := s.look(ctx, n)
	if err != nil {
		return nil, err
	}
	return s.ledger.Get(ctx, s.org, ids...)
}

// Waiting is what a session has before it.
type Waiting struct {
	Due  int64      // sponsorships that may leave now
	Next *time.Time // when the next one may that may not yet; nil: there is none
}

// Waiting counts what waits for the cloud.
func (s *Session) Waiting(ctx context.Context) (Waiting, error) {
	w, _, err := s.look(ctx, 0)
	return w, err
}

func (s *Session) look(ctx context.Context, n int) (Waiting, []sponsorship.ID, error) {
	reply, err := s.ledger.scripts.due.Run(ctx, s.ledger.rdb, state.Keys(s.org, ""), n).StringSlice()
	if err != nil {
		return Waiting{}, nil, fmt.Errorf("look for what is due of %s: %w", s.org, err)
	}
	s.ledger.at(s.org, reply[0], reply[1])
	count, _ := strconv.ParseInt(reply[2], 10, 64)
	ids := make([]sponsorship.ID, len(reply)-4)
	for i, id := range reply[4:] {
		ids[i] = sponsorship.ID(id)
	}
	return Waiting{Due: count, Next: state.Instant(reply[3])}, ids, nil
}

// FreshDue reports whether a sponsorship has come to wait for the cloud since the
// session began.
func (s *Session) FreshDue(ctx context.Context) (bool, error) {
	n, err := s.ledger.rdb.ZCount(ctx, state.Key(s.org, "due"), "("+strconv.FormatInt(s.began.UnixMilli(), 10),
		strconv.FormatInt(s.Now().Add(time.Second).UnixMilli(), 10)).Result()
	return n > 0, wrap(err, "look for what has become due of %s", s.org)
}

// Resumed reports whether the full sync that runs was begun before this session.
func (s *Session) Resumed() bool {
	return s.progress.startedAt != nil && s.progress.startedAt.Before(s.began.Truncate(time.Millisecond))
}

// Renew extends the lease; ErrLeaseLost when it is gone.
func (s *Session) Renew(ctx context.Context) error {
	_, err := s.ledger.store(ctx, s.org, leaseArgs{token: s.token, life: LeaseLife}, nil)
	return err
}

// Apply stores answers, and that the request has ended which they are of. It needs
// no lease: a record that was changed since it was marked is left alone. It returns
// which records were not.
func (s *Session) Apply(ctx context.Context, writes []Write, ended Ended) ([]bool, error) {
	stored := make([]bool, 0, len(writes))
	for len(writes) > 0 || len(ended.Rows) > 0 {
		part, rows := min(len(writes), state.ScriptRows), min(len(ended.Rows), state.ScriptRows)
		more, err := s.ledger.store(ctx, s.org, leaseArgs{ended: Ended{ended.Request, ended.Rows[:rows]}}, writes[:part])
		if err != nil {
			return stored, err
		}
		s.ledger.memory.end(ended.Request, ended.Rows[:rows])
		stored = append(stored, more...)
		writes, ended.Rows = writes[part:], ended.Rows[rows:]
	}
	return stored, nil
}

// Settled describes a sync that the cloud has answered.
type Settled struct {
	Full  bool          // it was the full sync that runs
	Next  time.Duration // until the next full one; only with Full
	Fault *fault.Error  // what there is to tell all the same; nil: nothing
	// Caution is for how many requests the next syncs must be careful; see
	// Session.Caution.
	Caution int
	Most    int             // rows in one request of the next syncs; see Session.Most
	Event   *events.Encoded // with a Fault, published only if the code is a new one
}

// Settle records that everything was answered: of the full sync that runs, or
// else of what was pending. The error is ErrLeaseLost when the lease is gone.
func (s *Session) Settle(ctx context.Context, d Settled) error {
	number, code, message := int64(0), "", ""
	if d.Full {
		number = s.progress.begun
	}
	if d.Fault != nil {
		code, message = string(d.Fault.Code), d.Fault.Message
	}
	args := append([]any{s.token, number, d.Next.Milliseconds(), code, message, d.Caution, d.Most, s.EventNumber()}, eventArgs(ctx, d.Event)...)
	hash, err := s.ledger.hash(s.ledger.scripts.settle.Run(ctx, s.ledger.rdb, state.Keys(s.org, ""), args...))
	switch {
	case err != nil:
		return fmt.Errorf("settle sync of %s: %w", s.org, err)
	case hash == nil:
		return ErrLeaseLost
	}
	s.read(hash)
	return nil
}

// Leave says how a session may end.
type Leave struct {
	Anyway bool       // also if something is left
	Waits  *time.Time // the full sync cannot go on before
}

// Release gives the lease back if nothing is left to do now, or at any rate. It
// returns false when there is more, and the lease is kept.
func (s *Session) Release(ctx context.Context, leave Leave) (bool, error) {
	waits := int64(0)
	if leave.Waits != nil {
		waits = leave.Waits.UnixMilli()
	}
	hash, err := s.ledger.hash(s.ledger.scripts.release.Run(ctx, s.ledger.rdb, state.Keys(s.org, ""),
		s.token, flag(leave.Anyway), waits))
	if err != nil {
		return false, fmt.Errorf("release %s: %w", s.org, err)
	}
	if hash != nil {
		s.read(hash)
	}
	return hash == nil, nil
}

// Failed describes a failure of a sync.
type Failed struct {
	Fault       *fault.Error
	RetryIn     time.Duration   // until the next automatic attempt may begin
	Pause       bool            // no automatic attempt until a person acts
	ServerError bool            // the cloud failed the request itself (500)
	Caution     int             // as in Settled
	Most        int             // as in Settled
	Uncounted   bool            // it says nothing about the cloud, and lengthens no backoff
	Event       *events.Encoded // published only if the code is a new one
}

// Fail records a failure and gives the lease back. It returns true when the
// connection was saved anew meanwhile: then nothing is paused, and the next
// attempt may begin at once.
func (s *Session) Fail(ctx context.Context, f Failed) (superseded bool, err error) {
	args := append([]any{
		s.token, string(f.Fault.Code), f.Fault.Message, f.RetryIn.Milliseconds(),
		flag(f.Pause), flag(f.ServerError), flag(!f.Uncounted), s.progress.connections, f.Caution, f.Most, s.EventNumber(),
	}, eventArgs(ctx, f.Event)...)
	n, err := s.ledger.scripts.fail.Run(ctx, s.ledger.rdb, state.Keys(s.org, ""), args...).Int()
	return n == 2, wrap(err, "record failure of %s", s.org)
}
