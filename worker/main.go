// Command worker executes jobs against Bitwarden's cloud and relays the events
// that come of them to NATS. It never accepts a job over the network itself:
// producers enqueue them in Redis.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/sponsorsync/sponsorsync/internal/stopsignal"
)

func main() {
	if os.Getenv("GOGC") == "" { // a few MiB live, and much that is gone at once: collect less often
		debug.SetGCPercent(400)
	}
	ctx, stop := signal.NotifyContext(context.Background(), stopsignal.All()...)
	context.AfterFunc(ctx, stop) // a second signal kills
	os.Exit(run(ctx, os.Args[1:], os.Environ(), streams{os.Stdout, os.Stderr}))
}
