package health

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// readers is how many organizations are read at once.
const readers = 16

// Source is where the facts come from. All fields are required.
type Source struct {
	Redis   redis.UniversalClient
	Ledger  *state.Ledger
	Jobs    *enqueue.Client
	NATS    func(context.Context) error // nil if it answers
	Now     func() time.Time
	Timeout time.Duration // of the whole look
}

// Look gathers the facts and judges them. What does not answer in time is part of
// the report, so there is no error.
func Look(ctx context.Context, s Source) Report { return Judge(Gather(ctx, s)) }

// Brief is [Look] without organizations and single jobs: cheap enough for a probe that
// is open to everybody.
func Brief(ctx context.Context, s Source) Report { return Judge(gather(ctx, s, true)) }

// Gather is the first half of [Look].
func Gather(ctx context.Context, s Source) Facts { return gather(ctx, s, false) }

func gather(ctx context.Context, s Source, brief bool) Facts {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	f := Facts{At: s.Now(), Brief: brief}
	asked := make(chan error, 1)
	go func() { asked <- s.NATS(ctx) }()
	f.Redis = s.read(ctx, &f)
	f.NATS = <-asked
	return f
}

// read takes all that is in Redis, and stops at the first thing that cannot be read.
func (s Source) read(ctx context.Context, f *Facts) error {
	inspector := enqueue.NewInspector(s.Jobs)
	for _, read := range []func() error{
		func() (err error) { f.Workers, err = inspector.Workers(ctx); return err },
		func() (err error) { f.Scheduler, err = s.Ledger.Scheduler(ctx); return err },
		func() (err error) { f.Paused, err = s.Ledger.Stopped(ctx, ""); return err },
		func() (err error) { f.Queues, err = enqueue.Depths(ctx, s.Redis); return err },
		func() (err error) {
			if f.Brief {
				f.Jobs, err = s.jobs(ctx)
				return err
			}
			f.Jobs.Dead, f.Jobs.Refused, f.Jobs.Most, err = inspector.Ended(ctx)
			return err
		},
		func() error {
			fill, err := s.Ledger.OutboxFill(ctx)
			f.Outbox = Fill{int64(fill * float64(s.Ledger.OutboxLimit)), s.Ledger.OutboxLimit}
			return err
		},
		func() (err error) { f.Memory, err = Memory(ctx, s.Redis); return err },
		func() (err error) {
			if !f.Brief {
				f.Organizations, err = s.organizations(ctx)
			}
			return err
		},
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// jobs tells how full the store of jobs is, and no more.
func (s Source) jobs(ctx context.Context) (Jobs, error) {
	ratio, err := s.Jobs.EndedFill(ctx)
	return Jobs{Refused: int64(ratio * enqueue.MaxEnded), Most: enqueue.MaxEnded}, err
}

// Memory is how much of its memory Redis uses; it is unknown where INFO is forbidden, or says
// nothing.
func Memory(ctx context.Context, rdb redis.UniversalClient) (Fill, error) {
	text, err := rdb.Info(ctx, "memory").Result()
	if _, refused := errors.AsType[redis.Error](err); refused {
		return Fill{}, nil
	}
	info := state.ParseInfo(text)
	used, _ := strconv.ParseInt(info["used_memory"], 10, 64) // 0 where it does not say
	limit, _ := strconv.ParseInt(info["maxmemory"], 10, 64)
	return Fill{used, limit}, err
}

func (s Source) organizations(ctx context.Context) ([]state.Organization, error) {
	ids, err := s.Ledger.Organizations(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]state.Organization, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, id := range ids {
		group.Go(func() (err error) {
			all[i], _, err = s.Ledger.Organization(ctx, id)
			return err
		})
	}
	return all, group.Wait()
}
