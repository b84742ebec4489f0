package cloud

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/sony/gobreaker/v2"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// breaker stops calling a cloud that does not answer, and sends one probe at a
// time until it does. Identity and API share it: neither is of use without the
// other. Only [Error.Outage] counts; an answer of any other kind is proof of life,
// and a caller who gave up proves nothing.
type breaker struct {
	circuit    *gobreaker.CircuitBreaker[struct{}]
	now        func() time.Time
	probeAfter time.Duration
	probeAt    atomic.Int64 // unix nanoseconds
}

func newBreaker(p Params) *breaker {
	b := &breaker{now: p.Now, probeAfter: p.Config.ProbeAfter}
	b.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        "cloud",
		MaxRequests: 1,
		Timeout:     p.Config.ProbeAfter,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= p.Config.OutagesToOpen },
		IsExcluded:  func(err error) bool { return err != nil && asError(err) == nil },
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
func (b *breaker) run(op operation, call func() error) error {
	_, err := b.circuit.Execute(func() (struct{}, error) { return struct{}{}, call() })
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return b.notSent(op)
	}
	return err
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
