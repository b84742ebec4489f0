package cloud

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/sony/gobreaker/v2"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// breaker stops calling a cloud that does not answer, and sends one probe at a
// time until it does. Identity and API share it: neither is of use without the
// other. Only [Error.Outage] counts; an answer of any other kind is proof of life,
// and a caller who gave up proves nothing. Nor does a request that the cloud has
// and does not answer in time, by itself: one organization's large batch may take
// that long while all others are served.
type breaker struct {
	circuit    *gobreaker.CircuitBreaker[struct{}]
	now        func() time.Time
	probeAfter time.Duration
	probeAt    atomic.Int64 // unix nanoseconds

	mu       sync.Mutex
	answered time.Time // when the cloud last answered anything
	slow     string    // whose request was the last to get no answer in time, if nothing was answered since
}

func newBreaker(p Params) *breaker {
	b := &breaker{now: p.Now, probeAfter: p.Config.ProbeAfter}
	b.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        "cloud",
		MaxRequests: 1,
		Timeout:     p.Config.ProbeAfter,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= p.Config.OutagesToOpen },
		IsExcluded: func(err error) bool {
			e := asError(err)
			return err != nil && (e == nil || e.Slow && !e.Outage)
		},
		IsSuccessful: func(err error) bool {
			e := asError(err)
			return e == nil || !e.Outage
		},
		OnStateChange: func(_ string, from, to gobreaker.State) { b.changed(p.Log, from, to) },
	})
	return b
}

func (b *breaker) changed(log zerolog.Logger, from, to gobreaker.State) {
	if to == gobreaker.StateOpen {
		b.probeAt.Store(b.now().Add(b.probeAfter).UnixNano())
	}
	log.Warn().Str("from", from.String()).Str("to", to.String()).Msg("cloud circuit")
}

// ready fails while the circuit is open.
func (b *breaker) ready(op operation) error {
	if b.circuit.State() == gobreaker.StateOpen {
		return b.notSent(op)
	}
	return nil
}

// run makes the call if the circuit lets it pass.
func (b *breaker) run(x exchange, call func() error) error {
	probe := b.circuit.State() == gobreaker.StateHalfOpen
	began := b.now()
	_, err := b.circuit.Execute(func() (struct{}, error) {
		err := call()
		if b.isolated(x, began, err) && !probe {
			asError(err).Outage = false
		}
		return struct{}{}, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return b.notSent(x.op)
	}
	return err
}

// isolated takes note of how an exchange ended. It reports whether that was a lack
// of an answer which says nothing about the cloud as a whole: something else was
// answered meanwhile, or the same organization's last request had none either.
func (b *breaker) isolated(x exchange, began time.Time, err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := asError(err)
	switch {
	case err == nil, e != nil && e.Status != 0:
		b.answered, b.slow = b.now(), ""
	case e != nil && e.Slow:
		same := b.slow == x.subject()
		b.slow = x.subject()
		return same || b.answered.After(began)
	}
	return false
}

// notSent says when the next probe is due. While one is under way, that is a
// full period from now: should it succeed, waiting a little longer does no harm.
func (b *breaker) notSent(op operation) *Error {
	now := b.now()
	next := time.Unix(0, b.probeAt.Load())
	if !next.After(now) {
		next = now.Add(b.probeAfter)
	}
	e := op.fail(fault.CloudUnavailable, fmt.Sprintf(
		"not sent, the cloud has not answered lately; it is tried next at %s", next.UTC().Format(time.RFC3339)))
	e.Outage, e.Fate = true, NeverLeft
	e.RetryAfter = next.Sub(now)
	return e
}
