package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/watched"
)

type bridgeFlags struct {
	org                  sponsorship.ID
	once, dryRun, asJSON bool
}

func (a *app) bridgeCommand() *cobra.Command {
	var f bridgeFlags
	command := &cobra.Command{
		Use: "bridge [--org ORG] [--once] [--dry-run]", Short: "Follow the self-hosted server's own database",
		Long: `Carries what members do in the web vault of their own server to jobs: it reads the
server's database. With SPONSORSYNC_BRIDGE=full it also tells the vault what became of
each sponsorship; with read it writes nothing there. It runs until it is stopped; one
bridge works at a time, however many run, and 'producer serve' runs one where
SPONSORSYNC_BRIDGE is on. --once looks once, at one organization with --org.

--dry-run tells nobody and writes nothing: it says what is known to the cloud, what
would be offered (and mailed), changed, withdrawn and written to the vault, what is held,
and what is odd. It ends with status 1 if anything is odd or held.`,
		Example: `  producer bridge --dry-run --env-file bwdata/env/global.override.env
  producer bridge --dry-run --org ORG --json | jq .organizations[].odd
  producer bridge resume --org ORG`,
		GroupID: groupDaily, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := usage(command, f.faults(command)...); err != nil {
				return err
			}
			ctx := command.Context()
			return a.withBridge(ctx, !f.dryRun, func(s bridged) error {
				if f.dryRun {
					return a.dryRun(ctx, s, f)
				}
				return a.follow(ctx, s, f)
			})
		},
	}
	orgFlag(command, &f.org)
	command.Flags().BoolVar(&f.once, "once", false, "look once and end")
	command.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and do nothing of it")
	command.Flags().BoolVar(&f.asJSON, "json", false, "with --dry-run, print one JSON document")
	command.AddCommand(a.bridgeResumeCommand())
	return command
}

func (f bridgeFlags) faults(command *cobra.Command) (faults []string) {
	if command.Flags().Changed("org") {
		faults = orgFaults(f.org)
		if !f.once && !f.dryRun {
			faults = append(faults, "--org goes with --once or --dry-run: a bridge that runs follows all organizations")
		}
	}
	if f.asJSON && !f.dryRun {
		faults = append(faults, "--json goes with --dry-run")
	}
	if f.once && f.dryRun {
		faults = append(faults, "--once and --dry-run exclude each other: a dry run looks once")
	}
	return faults
}

// bridged is what the bridge's commands work with.
type bridged struct {
	*session
	*bridge.Bridge
	source bridge.Source

	target connstring.Target // what the source is
	mode   string

	watched *watched.Endpoints
	listen  string // where those are served; "" for nowhere

	log zerolog.Logger
}

// withBridge connects to Redis and the server's database for as long as do runs. A bridge that
// works must have been switched on; one that only looks need not.
func (a *app) withBridge(ctx context.Context, works bool, do func(bridged) error) error {
	environ, err := a.environ()
	if err != nil {
		return err
	}
	settings, err := config.LoadProducer(environ, config.EncryptionKey)
	if err != nil {
		return err
	}
	source, cfg, err := a.openVault(environ, works)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	endpoints, log := watched.New(), boot.Logger(settings.Log, a.Stderr)
	return a.connected(ctx, settings, func(s *session) error {
		return do(bridged{s, bridge.New(bridge.Params{
			Database: source, Queue: bridge.NewQueue(s.client), Ledger: s.ledger, Memory: s.memory,
			Rules:  merge.Rules{Grace: cfg.Grace, WithdrawOrphans: cfg.Orphans == config.BridgeWithdraw, DatesByJob: source.DatesByJob, Writes: cfg.Mode != config.BridgeRead},
			Holder: memory.Holder{Token: rand.Text(), Mode: cfg.Mode}, Interval: cfg.Interval, Now: a.Now, Log: log,
			Metrics: endpoints.Metrics(),
		}), source, cfg.Database, cfg.Mode, endpoints, cfg.Listen, log})
	})
}

func switchedOn(cfg config.Bridge, works bool) error {
	switch {
	case cfg.Source == "":
		return &boot.UsageError{Faults: []string{"no variable names the self-hosted server's database"},
			Hint: "give the server's own settings with --env-file bwdata/env/global.override.env, or set SPONSORSYNC_BRIDGE_DATABASE"}
	case works && cfg.Mode == config.BridgeOff:
		return &boot.UsageError{Faults: []string{"SPONSORSYNC_BRIDGE is off"},
			Hint: "look at 'producer bridge --dry-run' first; then set SPONSORSYNC_BRIDGE=read, or full to let the vault show what became of each offer"}
	}
	return nil
}

// follow runs the bridge, or makes one round.
func (a *app) follow(ctx context.Context, s bridged, f bridgeFlags) error {
	if !f.once {
		return s.run(ctx)
	}
	orgs := []sponsorship.ID(nil)
	if f.org != "" {
		orgs = append(orgs, f.org)
	}
	defer s.Leave(ctx)
	err := s.Once(ctx, orgs...)
	if errors.Is(err, bridge.ErrElsewhere) {
		return &withHint{err, "it sees to everything; 'producer status' says how it fares"}
	}
	return err
}

// run follows until ctx ends, and lets itself be watched meanwhile.
func (b bridged) run(ctx context.Context) error {
	defer boot.Supervise(ctx, b.alive, b.log)()
	group, ctx := errgroup.WithContext(ctx)
	if b.listen != "" {
		group.Go(func() error { return b.watched.Serve(ctx, b.listen) })
	}
	group.Go(func() error { return b.Run(ctx) })
	return group.Wait()
}

// alive is what a supervisor wants to know. One that serves no probes lives while it runs.
func (b bridged) alive(ctx context.Context) error {
	if b.listen == "" {
		return nil
	}
	return boot.Probe{Listen: b.listen, Setting: "SPONSORSYNC_BRIDGE_LISTEN", Path: "/healthz"}.Ask(ctx)
}

// organizations are those that the command is about.
func (b bridged) organizations(ctx context.Context, only sponsorship.ID) ([]sponsorship.ID, error) {
	all, err := b.source.Changed(ctx) // the first call names all
	if err != nil || only == "" {
		return all, err
	}
	for _, org := range all {
		if org == only {
			return []sponsorship.ID{only}, nil
		}
	}
	return nil, fmt.Errorf("the server's database has no organization %s with a sponsorship or a connection to the cloud", only)
}
