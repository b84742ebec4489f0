package cli

import (
	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
)

func (a *app) healthcheckCommand() *cobra.Command {
	var ofBridge bool
	command := &cobra.Command{
		Use: "healthcheck [--bridge]", Short: "End with status 0 when what runs on this machine is ready",
		Long: `Asks 'producer serve' on this machine whether it is ready, or with --bridge a
'producer bridge' that runs by itself (at SPONSORSYNC_BRIDGE_LISTEN), and says what is
amiss otherwise. For whoever supervises the program, such as Docker.`,
		GroupID: groupLook, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			environ, err := a.environ()
			if err != nil {
				return err
			}
			listen, err := config.LoadProbes(environ)
			if err != nil {
				return err
			}
			probe := boot.Probe{Listen: listen.Serve, Setting: "SPONSORSYNC_LISTEN", Path: "/readyz"}
			if ofBridge {
				probe.Listen, probe.Setting = listen.Bridge, "SPONSORSYNC_BRIDGE_LISTEN"
			}
			if probe.Listen == "" {
				return &boot.UsageError{Faults: []string{probe.Setting + " is not set"}, Hint: "a bridge within 'producer serve' is a part of it: leave --bridge out"}
			}
			return probe.Ask(command.Context())
		},
	}
	command.Flags().BoolVar(&ofBridge, "bridge", false, "ask the bridge that runs by itself")
	return command
}
