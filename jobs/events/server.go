package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// LeastServer is the oldest NATS server that readers with several filters can use.
const LeastServer = "2.10"

const leastMajor, leastMinor = 2, 10

// ErrServerTooOld is what [Health] and readers return for a NATS server that is
// older than [LeastServer].
var ErrServerTooOld = errors.New("NATS " + LeastServer + " or newer is needed")

// Health says whether the connection is up, and to a server that is new enough.
// It asks nobody: it is about the server of this moment.
func Health(nc *nats.Conn) error {
	if !nc.IsConnected() {
		return nats.ErrDisconnected
	}
	return CheckServer(nc.ConnectedServerVersion())
}

// Ask is [Health] of a server that answers within the time of ctx.
func Ask(ctx context.Context, nc *nats.Conn) error {
	if err := nc.FlushWithContext(ctx); err != nil {
		return err
	}
	return Health(nc)
}

// HealthWord says what [Health] found in a word or two, for those who may not see
// an address: "ok", "away", or what is wrong with the server's version.
func HealthWord(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrServerTooOld):
		return err.Error()
	}
	return "away"
}

// CheckServer returns [ErrServerTooOld] for an old version. One that it cannot
// read is taken for new.
func CheckServer(version string) error {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n < 2 {
		return nil
	}
	if major < leastMajor || (major == leastMajor && minor < leastMinor) {
		return fmt.Errorf("%w: this is %s", ErrServerTooOld, version)
	}
	return nil
}

// unanswered adds what the server said on the side: a request that a permission
// forbids is not answered, so the deadline alone says nothing.
func unanswered(nc *nats.Conn, err error) error {
	if side := nc.LastError(); errors.Is(err, context.DeadlineExceeded) && errors.Is(side, nats.ErrPermissionViolation) {
		return fmt.Errorf("%w: %w", err, side)
	}
	return err
}

// filtered sets the filter in the form that a NATS permission can tell apart,
// and that any server knows, where that is possible: a single subject.
func filtered(c jetstream.ConsumerConfig, subjects []string) jetstream.ConsumerConfig {
	c.FilterSubject, c.FilterSubjects = "", subjects
	if len(subjects) == 1 {
		c.FilterSubject, c.FilterSubjects = subjects[0], nil
	}
	return c
}

// canFilter refuses several subjects on an old server, which would make the
// consumer all the same, without any filter.
func canFilter(nc *nats.Conn, subjects []string) error {
	if len(subjects) < 2 {
		return nil
	}
	return CheckServer(nc.ConnectedServerVersion())
}
