// Command producer is the hook side: it puts jobs into the queue, from the
// command line or over HTTP, and shows what became of them. It never calls the
// cloud; that is the worker's.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/sponsorsync/sponsorsync/internal/stopsignal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), stopsignal.All()...)
	context.AfterFunc(ctx, stop) // the first signal asks, a second one kills
	os.Exit(run(ctx, process{
		args: os.Args[1:], environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
	}))
}
