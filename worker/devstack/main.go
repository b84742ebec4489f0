// Command devstack is the embedded default: a Redis-compatible store, a
// JetStream server and a simulated cloud in one process, for trying things out
// and for the demo. It prints the environment that worker and producer need.
//
// It never talks to a real cloud, and keeps nothing when it ends.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/sponsorsync/sponsorsync/internal/stopsignal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), stopsignal.All()...)
	context.AfterFunc(ctx, stop) // a second signal kills
	if err := commands(os.Stdout).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
