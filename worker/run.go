package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/worker/internal/doctor"
)

// streams are the program's standard streams.
type streams struct {
	out, err io.Writer
}

// errChecks says that doctor's report, already printed, holds a failure.
var errChecks = errors.New("at least one check failed")

// run is the program: it returns the exit status.
func run(ctx context.Context, args, environ []string, std streams) int {
	started := false
	root := commands(environ, std, func() { started = true })
	root.SetArgs(append([]string{}, args...)) // of nil, cobra would take the process' own
	root.SetOut(std.out)
	root.SetErr(std.err)
	err := root.ExecuteContext(ctx)
	if err != nil && !started {
		err = &boot.UsageError{Faults: []string{err.Error()}, Hint: "run 'worker --help'"}
	}
	if !errors.Is(err, errChecks) {
		boot.Report(std.err, err)
	}
	return boot.Status(err)
}

// commands builds the command line. begun is called when arguments are fine and
// work begins: an error before that is wrong usage.
func commands(environ []string, std streams, begun func()) *cobra.Command {
	var files []string
	load := func() (config.Environ, error) {
		begun()
		return config.Read(environ, files)
	}
	root := &cobra.Command{
		Use:           "worker",
		Short:         "Execute sponsorship jobs against Bitwarden's cloud and publish what comes of them",
		Long:          workerHelp,
		Version:       boot.Build(),
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := load()
			if err != nil {
				return err
			}
			return work(cmd.Context(), env, std.err)
		},
	}
	root.PersistentFlags().StringArrayVar(&files, "env-file", nil,
		"read settings from `FILE`, such as bwdata/env/global.override.env; repeatable, a later one wins, real environment variables win over all")
	root.AddCommand(doctorCommand(load, std), healthcheckCommand(load))
	return root
}

func doctorCommand(load func() (config.Environ, error), std streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check settings, cloud, Redis and NATS, one line per check; changes nothing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := load()
			if err != nil {
				return err
			}
			ok, err := doctor.Main(cmd.Context(), env, asJSON, std.out)
			if err == nil && !ok {
				err = errChecks
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func healthcheckCommand(load func() (config.Environ, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "End with status 0 when the worker that runs on this machine is ready, and say what is amiss otherwise",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := load()
			if err != nil {
				return err
			}
			listen, err := config.LoadProbes(env)
			if err != nil {
				return err
			}
			return probe(listen.Worker, "/readyz").Ask(cmd.Context())
		},
	}
}

func probe(listen, path string) boot.Probe {
	return boot.Probe{Listen: listen, Setting: "SPONSORSYNC_WORKER_LISTEN", Path: path}
}

const workerHelp = `Execute sync, redeem, change-sponsorship, adopt and sync-license jobs, with retries, and
publish each change of a sponsorship's status to NATS JetStream.

Settings come from the environment and from --env-file; the README lists them.
SIGTERM or SIGINT drains and ends with status 0, or with 1 if jobs that ran had to be
cut off, which run again elsewhere; a second signal kills.`
