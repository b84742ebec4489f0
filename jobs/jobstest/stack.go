package jobstest

import (
	"errors"
	"fmt"
	"os"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server"
)

const anyPort = "127.0.0.1:0"

// Options of a [Stack]. The zero value suits tests.
type Options struct {
	RedisAddr string // host:port; default a free port of 127.0.0.1
	NATSAddr  string // host:port; default a free port of 127.0.0.1
	StoreDir  string // JetStream's files; default a directory that Close removes
}

// Stack is an embedded store and an embedded JetStream server. The store keeps
// nothing beyond Close.
type Stack struct {
	redis     *miniredis.Miniredis
	stopClock func()
	nats      *server.Server
	tempDir   string
}

// Start runs the stack until Close. Both servers answer when it returns.
func Start(o Options) (*Stack, error) {
	s := &Stack{stopClock: func() {}}
	if err := s.start(o); err != nil {
		return nil, errors.Join(fmt.Errorf("start embedded stack: %w", err), s.Close())
	}
	return s, nil
}

func (s *Stack) start(o Options) (err error) {
	if o.StoreDir == "" {
		if s.tempDir, err = os.MkdirTemp("", "jobstest-*"); err != nil {
			return err
		}
		o.StoreDir = s.tempDir
	}
	s.redis = miniredis.NewMiniRedis()
	if err := s.redis.StartAddr(or(o.RedisAddr, anyPort)); err != nil {
		return fmt.Errorf("listen for Redis: %w", err)
	}
	s.stopClock = runClock(s.redis)
	s.nats, err = startNATS(or(o.NATSAddr, anyPort), o.StoreDir)
	return err
}

// RedisURL is where the store answers.
func (s *Stack) RedisURL() string { return "redis://" + s.redis.Addr() + "/0" }

// NATSURL is where JetStream answers.
func (s *Stack) NATSURL() string { return s.nats.ClientURL() }

// Close stops both servers and removes their files. It may be called twice.
func (s *Stack) Close() error {
	s.stopClock()
	s.stopClock = func() {}
	if s.redis != nil {
		s.redis.Close()
	}
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
	if s.tempDir == "" {
		return nil
	}
	return os.RemoveAll(s.tempDir)
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
