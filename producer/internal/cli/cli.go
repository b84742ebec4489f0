package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/internal/tracing"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
)

// Program is the command line with everything that it touches.
type Program struct {
	Environ        []string // as os.Environ returns it
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Version        string
	Now            func() time.Time

	// IsTerminal reports whether a person is at a stream; nil looks at the stream.
	IsTerminal func(stream any) bool

	// Vault opens the self-hosted server's database; it need not answer yet.
	Vault func(config.Bridge) (bridge.Source, error)

	// Serve runs the HTTP server until ctx ends.
	Serve func(ctx context.Context, environ config.Environ, stderr io.Writer) error
}

// Run executes one command and returns the exit status.
func (p Program) Run(ctx context.Context, args []string) int {
	a := &app{Program: p, out: bufio.NewWriter(printable.Writer(p.Stdout))}
	root := a.root()
	root.SetArgs(append([]string{}, args...))                                      // of nil, cobra would take the process' own
	command, err := root.ExecuteContextC(tracing.Under(ctx, p.env("TRACEPARENT"))) // of whoever runs us, as the OpenTelemetry tools set it
	if err != nil && !a.started {                                                  // cobra's own errors: unknown commands, flags, arguments
		err = &boot.UsageError{Faults: []string{err.Error()}, Hint: helpHint(command)}
	}
	if flushErr := a.out.Flush(); err == nil && flushErr != nil {
		err = fmt.Errorf("write output: %w", flushErr)
	}
	a.report(err)
	status := boot.Status(err)
	if status == boot.Failed && ctx.Err() != nil {
		return boot.Interrupted
	}
	return status
}

// env is a variable of the process that is no setting.
func (p Program) env(name string) string {
	for _, entry := range p.Environ {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value
		}
	}
	return ""
}

// app is one run of the program.
type app struct {
	Program
	out      *bufio.Writer // standard output; flushed before anything is waited for
	started  bool          // a command of ours runs: errors are its own
	envFiles []string
	asJSON   bool // the result is one JSON document; see jsonFlag

	addresses map[*sponsorship.ID]string // of members, where a command takes one in an id's place
	bar       bar
}

// note tells the person something on standard error, around a progress bar.
func (a *app) note(format string, args ...any) {
	a.bar.clear()
	_, _ = fmt.Fprintln(a.Stderr, printable.Clean(fmt.Sprintf(format, args...)))
}

// print writes one line of the result, at once: a script may be waiting for it.
func (a *app) print(line string) error {
	_, _ = fmt.Fprintln(a.out, line) // the writer keeps its error for Flush
	return a.flush()
}

func (a *app) flush() error {
	if isTerminal(a.Stdout) { // which shows the bar too
		a.bar.clear()
	}
	if err := a.out.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
