package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// Registry holds one handler per kind. Fill it before the server is made.
type Registry struct {
	handlers map[jobs.Kind]erased
	together map[jobs.Kind]erasedMany
	faults   []error
}

// erased is a handler that has forgotten its type. It gets arguments of its own
// kind, decoded and validated.
type erased func(ctx context.Context, d delivery, args jobs.Args) error

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{handlers: map[jobs.Kind]erased{}, together: map[jobs.Kind]erasedMany{}}
}

// erasedMany is the same for many jobs at once.
type erasedMany func(ctx context.Context, ids []string, args []jobs.Args) (ended []bool)

// HandleTogether registers what carries out jobs of A's kind that come in a batch, as far as
// it can: it reports which have ended. The others are handled one by one.
func HandleTogether[A jobs.Args](r *Registry, h func(context.Context, []jobs.Job[A]) (ended []bool)) {
	var zero A
	policy, _ := zero.Kind().Policy()
	r.together[zero.Kind()] = func(ctx context.Context, ids []string, args []jobs.Args) []bool {
		all := make([]jobs.Job[A], len(args))
		for n, a := range args {
			typed, _ := a.(A) // decoded as this kind
			all[n] = jobs.Job[A]{ID: ids[n], Args: typed, Attempt: 1, MaxAttempts: policy.MaxAttempts}
		}
		return h(ctx, all)
	}
}

// Handle registers the handler of A's kind. A second one for the same kind, or
// one for a kind without a policy, is reported by [NewServer].
func Handle[A jobs.Args](r *Registry, h func(context.Context, jobs.Job[A]) error) {
	var zero A
	kind := zero.Kind()
	if _, taken := r.handlers[kind]; taken {
		r.faults = append(r.faults, fmt.Errorf("two handlers for jobs of kind %q", kind))
		return
	}
	if _, known := kind.Policy(); !known {
		r.faults = append(r.faults, fmt.Errorf("a handler for jobs of kind %q, which has no policy", kind))
		return
	}
	r.handlers[kind] = func(ctx context.Context, d delivery, args jobs.Args) error {
		a, ok := args.(A)
		if !ok {
			return jobs.Permanent(fault.New(fault.InvalidArguments, "the handler of %q takes %T, not %T", kind, zero, args))
		}
		return h(ctx, jobs.Job[A]{ID: d.id, Args: a, Attempt: d.attempt, MaxAttempts: d.policy.MaxAttempts})
	}
}

// check reports what was registered wrongly, and the queue's kinds that nobody
// handles: they would otherwise fail one by one, long after the start.
func (r *Registry) check(q jobs.Queue) error {
	faults := slices.Clone(r.faults)
	for _, kind := range jobs.Kinds() {
		if policy, _ := kind.Policy(); policy.Queue != q {
			continue
		}
		if _, handled := r.handlers[kind]; !handled {
			faults = append(faults, fmt.Errorf("no handler for jobs of kind %q", kind))
		}
	}
	return errors.Join(faults...)
}
