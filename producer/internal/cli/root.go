package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// The groups under which help lists the commands.
const (
	groupSetup = "setup"
	groupDaily = "daily"
	groupLook  = "look"
)

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "producer",
		Short: "Sponsor Families organizations from a self-hosted Bitwarden server",
		Long: `producer puts jobs into the queue and shows what became of them. A worker
carries them out, so one must be running ('go run ./worker').

Exit status: 0 done, 1 it failed, 2 wrong usage or configuration, 3 a wait reached
its limit, 130 interrupted.`,
		Example: `  producer connect --org ORG --cloud-org CLOUDORG < token.txt
  producer sync --org ORG --wait
  producer redeem --org ORG --user ORGUSER --email someone@example.com --wait
  producer status --org ORG`,
		Version:       a.Version,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true, SilenceUsage: true, SuggestionsMinimumDistance: suggestionDistance,
		PersistentPreRun: func(*cobra.Command, []string) { a.started = true },
		RunE:             needsCommand,
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.out)
	root.SetErr(a.Stderr)
	root.PersistentFlags().StringArrayVar(&a.envFiles, "env-file", nil,
		"also read settings from `FILE`, an env file (repeatable); real environment variables win")
	root.AddGroup(&cobra.Group{ID: groupSetup, Title: "Set up:"},
		&cobra.Group{ID: groupDaily, Title: "Sponsor:"}, &cobra.Group{ID: groupLook, Title: "Look and repair:"})
	root.AddCommand(a.initCommand(), a.connectCommand(), a.rekeyCommand(), a.syncCommand(), a.syncLicenseCommand(), a.importCommand(), a.exportCommand(), a.serveCommand(), a.pauseCommand(), a.resumeCommand(),
		a.redeemCommand(), a.changeCommand(), a.bridgeCommand(), a.statusCommand(), a.watchCommand(), a.jobsCommand(), a.forgetCommand(), a.disconnectCommand(), a.healthcheckCommand(), environmentTopic())
	a.completing(root)
	strictDefaults(root)
	return root
}

// strictDefaults makes cobra's own commands refuse words that mean nothing.
func strictDefaults(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, command := range root.Commands() {
		switch command.Name() {
		case "help":
			command.Args = func(_ *cobra.Command, args []string) error {
				if _, rest, err := root.Find(args); err != nil || len(rest) > 0 {
					return fmt.Errorf("no help on '%s'", strings.Join(args, " "))
				}
				return nil
			}
		case "completion":
			command.Args, command.RunE = cobra.ArbitraryArgs, needsCommand
		}
	}
}

// suggestionDistance is how many letters of a mistyped command may be wrong.
const suggestionDistance = 2

// needsCommand is run where a command was expected.
func needsCommand(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		command.SetOut(command.ErrOrStderr())
		_ = command.Usage() // a help text that cannot be written helps nobody
		return usage(command, "no command given; see above")
	}
	fault := "unknown command '" + args[0] + "'"
	if names := command.SuggestionsFor(args[0]); len(names) > 0 {
		fault += ", did you mean '" + strings.Join(names, "' or '") + "'?"
	}
	return usage(command, fault)
}

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Serve the HTTP API, console hooks and status page, and schedule the daily syncs",
		Long: `Serves the HTTP API, the console hooks and the status page at SPONSORSYNC_LISTEN,
and looks for syncs that are due. Needs SPONSORSYNC_API_TOKEN and
SPONSORSYNC_ENCRYPTION_KEY. Ends with status 0 on SIGTERM or SIGINT.`,
		GroupID: groupSetup, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			environ, err := a.environ()
			if err != nil {
				return err
			}
			return a.Serve(command.Context(), environ, a.Stderr)
		},
	}
}

// environmentTopic is 'producer help environment'.
func environmentTopic() *cobra.Command {
	var text strings.Builder
	text.WriteString("The settings, from the environment or an --env-file. Those marked _FILE may be given\n" +
		"under that longer name instead, as the name of a file that holds the value.\n")
	for _, v := range config.Variables() {
		text.WriteString("\n" + v.Name)
		if v.Default != "" {
			text.WriteString(" (default " + v.Default + ")")
		}
		if v.FileForm() != "" {
			text.WriteString(" (_FILE)")
		}
		text.WriteString("\n    " + v.Meaning + "\n")
	}
	return &cobra.Command{Use: "environment", Short: "The settings and their defaults", Long: text.String()}
}

// noArgs refuses words that stand outside of flags.
func noArgs(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unexpected argument '%s': values go with a flag", args[0])
}

// idValue is a flag that holds a UUID, in any case. Whether it is one is said
// together with everything else that is wrong.
type idValue struct{ id *sponsorship.ID }

func (v idValue) String() string {
	if v.id == nil {
		return ""
	}
	return v.id.String()
}

func (v idValue) Set(text string) error { return v.id.UnmarshalText([]byte(strings.TrimSpace(text))) }
func (idValue) Type() string            { return "UUID" }

func orgFlag(command *cobra.Command, id *sponsorship.ID) {
	command.Flags().Var(idValue{id}, "org", "`UUID` of the organization on this server")
}
