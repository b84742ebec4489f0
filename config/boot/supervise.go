package boot

import (
	"context"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// readyEvery is how often a program that starts is asked whether it answers.
const readyEvery = 50 * time.Millisecond

// Supervise tells systemd, if that started this program, when it is ready, and
// then, three times in an interval of the watchdog, that it lives: as long as
// alive returns nil, and while it drains. Call stop when the work has ended.
// Without systemd it does nothing.
func Supervise(ctx context.Context, alive func(context.Context) error, log zerolog.Logger) (stop func()) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return func() {}
	}
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn().Err(err).Msg("the watchdog's settings cannot be read; none is served")
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() { tell(log, daemon.SdNotifyStopping) })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for alive(running) != nil {
			if jobs.Sleep(running, readyEvery) != nil {
				return
			}
		}
		if !tell(log, daemon.SdNotifyReady) || interval == 0 {
			return
		}
		for jobs.Sleep(running, interval/3) == nil {
			if ctx.Err() != nil || alive(running) == nil {
				tell(log, daemon.SdNotifyWatchdog)
			}
		}
	}()
	return func() { unhook(); cancel(); <-ended }
}

// tell reports whether systemd is there and has heard it.
func tell(log zerolog.Logger, state string) bool {
	heard, err := daemon.SdNotify(false, state)
	if err != nil {
		log.Warn().Err(err).Str("state", state).Msg("systemd was not told")
	}
	return heard
}
