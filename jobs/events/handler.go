package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// Handler handles one kind of event. Make it with [On].
type Handler struct {
	kind   string
	handle func(ctx context.Context, payload []byte) error
}

// On makes a handler of a function; the function's parameter says which kind it
// is for. What it returns decides what becomes of the event: nil settles it, an
// error brings it back after a pause that grows, [Permanent] drops it. It may
// take its time: the server is told that the work goes on. An event can come
// more than once, with an equal id.
func On[T Data](fn func(context.Context, Event[T]) error) Handler {
	var data T
	return Handler{kind: data.kind(), handle: func(ctx context.Context, payload []byte) error {
		e, err := Decode[T](payload)
		if err != nil {
			return Permanent(err) // the same bytes will not read better next time
		}
		return fn(ctx, e)
	}}
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent marks an error that another delivery cannot cure. The event is
// terminated, with the error's text as the reason in the server's advisory.
func Permanent(err error) error { return permanentError{err} }

// disposition is what becomes of a delivery. The zero value acknowledges it.
type disposition struct {
	again  bool          // deliver it again
	after  time.Duration // and not before this
	reason string        // set: never again
}

func decide(err error, delivered uint64) disposition {
	var permanent permanentError
	switch {
	case err == nil:
		return disposition{}
	case errors.As(err, &permanent):
		return disposition{reason: singleLine(permanent.Error())}
	default:
		return disposition{again: true, after: pause(delivered)}
	}
}

// redelivery is how long an event waits that its handler could not deal with.
var redelivery = jobs.Curve{Base: time.Second, Max: 5 * time.Minute}

const noJitter = 0.5 // the middle of what Backoff spreads over

// pause doubles with each delivery. It has no jitter: the events of one reader
// come back one by one anyway.
func pause(delivered uint64) time.Duration {
	return jobs.Backoff(int(min(delivered, 1<<16)), redelivery, noJitter)
}

// byKind refuses two handlers of a kind: they would have to share one
// acknowledgement.
func byKind(handlers []Handler) (map[string]Handler, []string, error) {
	if len(handlers) == 0 {
		return nil, nil, errors.New("no handler given")
	}
	table := make(map[string]Handler, len(handlers))
	var kinds []string
	for _, h := range handlers {
		if _, twice := table[h.kind]; twice || h.handle == nil {
			return nil, nil, fmt.Errorf("more than one handler, or an empty one, for %q events", h.kind)
		}
		table[h.kind] = h
		kinds = append(kinds, h.kind)
	}
	return table, kinds, nil
}

// kindOf reads the kind from a NATS subject, "" if it has none.
func kindOf(subject string) string {
	tokens := strings.Split(subject, ".")
	if len(tokens) < 4 {
		return ""
	}
	return tokens[2]
}

func singleLine(s string) string { return strings.Join(strings.Fields(s), " ") }
