package boot_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// supervisor plays systemd's side of the socket.
func supervisor(t *testing.T, watchdogMicroseconds string) (heard func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", watchdogMicroseconds)
	t.Setenv("WATCHDOG_PID", "")
	return func() string {
		buffer := make([]byte, 100)
		n, err := conn.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}
}

// Not parallel, as the other that sets the environment.
func TestSystemdHearsOfEveryStage(t *testing.T) {
	heard := supervisor(t, "3000") // every millisecond
	var up atomic.Bool
	asked := make(chan struct{}, 1)
	alive := func(context.Context) error {
		select {
		case asked <- struct{}{}:
		default:
		}
		if !up.Load() {
			return errors.New("not yet")
		}
		return nil
	}
	ctx, shutDown := context.WithCancel(t.Context())
	stop := boot.Supervise(ctx, alive, zerolog.Nop())
	<-asked // and it was not up
	up.Store(true)
	if first := heard(); first != "READY=1" {
		t.Fatalf("heard %q first", first)
	}
	for range 3 {
		if beat := heard(); beat != "WATCHDOG=1" {
			t.Fatalf("heard %q", beat)
		}
	}
	up.Store(false) // while it drains nothing listens any more, and it lives all the same
	shutDown()
	var after strings.Builder
	for !strings.Contains(after.String(), "STOPPING=1") || !strings.HasSuffix(after.String(), "WATCHDOG=1 ") {
		after.WriteString(heard() + " ")
	}
	stop()
}

func TestAProgramThatHangsIsNotSaidToLive(t *testing.T) {
	heard := supervisor(t, "3000")
	var asked atomic.Int64
	alive := func(context.Context) error {
		if asked.Add(1) > 1 {
			return errors.New("no answer")
		}
		return nil
	}
	ctx, shutDown := context.WithCancel(t.Context())
	stop := boot.Supervise(ctx, alive, zerolog.Nop())
	if first := heard(); first != "READY=1" {
		t.Fatalf("heard %q first", first)
	}
	jobstest.Eventually(t, jobstest.Timeout, func() bool { return asked.Load() > 5 }) // systemd hears nothing of these
	if _, err := daemon.SdNotify(false, "STATUS=ours"); err != nil {
		t.Fatal(err)
	}
	if next := heard(); next != "STATUS=ours" {
		t.Errorf("heard %q of one that hangs", next)
	}
	shutDown()
	stop()
}

func TestWithoutSystemdNothingIsAsked(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	boot.Supervise(t.Context(), func(context.Context) error { t.Error("asked"); return nil }, zerolog.Nop())()
}
