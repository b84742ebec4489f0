package jobstest

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server"
)

const (
	clockTick    = 20 * time.Millisecond
	readyTimeout = 10 * time.Second
)

// runClock makes keys expire as time goes by, which miniredis by itself leaves to
// the test. The returned function ends it and waits.
func runClock(redis *miniredis.Miniredis) (stop func()) {
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(clockTick)
		defer ticker.Stop()
		for last := time.Now(); ; {
			select {
			case <-done:
				return
			case <-ticker.C:
				elapsed := time.Since(last)
				last = last.Add(elapsed)
				redis.FastForward(elapsed)
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
	}
}

// startNATS runs a JetStream server. It leaves signals to the program and is
// silent.
func startNATS(addr, dir string) (*server.Server, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("read NATS address: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("read NATS port: %w", err)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	srv, err := server.NewServer(&server.Options{
		Host: host, Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return nil, fmt.Errorf("configure NATS: %w", err)
	}
	srv.Start()
	if !srv.ReadyForConnections(readyTimeout) {
		srv.Shutdown()
		return nil, errors.New("NATS is not ready; is its port taken?")
	}
	return srv, nil
}
