package main

import (
	"context"
	"io"
	"time"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/producer/internal/cli"
)

// process is what the operating system gives a program.
type process struct {
	args, environ  []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// run wires the parts together and returns the exit status.
func run(ctx context.Context, p process) int {
	return cli.Program{
		Environ: p.environ, Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr,
		Version: boot.Build(), Now: time.Now, Serve: serve, Vault: openVault,
	}.Run(ctx, p.args)
}
