package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// alone is what a cloud by itself knows from its start: one server, and one
// organization that buys there, under names that an env file can hold.
type alone struct{ at, installation, key, organization, token string }

// cloudCommand runs the simulated cloud alone, for a store and a JetStream
// server that are real.
func cloudCommand(out io.Writer) *cobra.Command {
	var s alone
	cmd := &cobra.Command{
		Use:   "cloud",
		Short: "Run the simulated cloud alone until a signal",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context(), out) },
	}
	cmd.Flags().StringVar(&s.at, "listen", "127.0.0.1:8099", "`ADDRESS` to listen on")
	cmd.Flags().StringVar(&s.installation, "installation", "", "`ID` of the installation; made up if empty, like the rest")
	cmd.Flags().StringVar(&s.key, "key", "", "its `KEY`")
	cmd.Flags().StringVar(&s.organization, "organization", "", "`ID` of the organization")
	cmd.Flags().StringVar(&s.token, "token", "", "its billing sync `TOKEN`")
	return cmd
}

func (s alone) run(ctx context.Context, out io.Writer) (err error) {
	cloud := cloudtest.New(cloudtest.Options{Addr: s.at, Penalty: cloudtest.KeyPenalty, Limits: cloudtest.DefaultLimits()})
	if err := cloud.Start(); err != nil {
		return fmt.Errorf("start simulated cloud: %w", err)
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	s.printTo(out, cloud)
	<-ctx.Done()
	return nil
}

// printTo registers the server and the organization, and names what a person
// would look up in the cloud's web app. The last line says that all is up.
func (s alone) printTo(out io.Writer, cloud *cloudtest.Cloud) {
	installation := cloud.AddInstallation(func(i *cloudtest.Installation) { keep(&i.ID, s.installation); keep(&i.Key, s.key) })
	organization := cloud.AddOrganization(func(o *cloudtest.Organization) { keep(&o.ID, s.organization); keep(&o.BillingSyncKey, s.token) })
	for _, v := range [][2]string{
		{"globalSettings__installation__id", installation.ID},
		{"globalSettings__installation__key", installation.Key},
		{"DEVSTACK_CLOUD_URL", cloud.URL()},
		{"DEVSTACK_CLOUD_ORGANIZATION_ID", organization.ID},
		{"DEVSTACK_BILLING_SYNC_TOKEN", organization.BillingSyncKey},
		{"DEVSTACK_READY", "true"},
	} {
		fmt.Fprintf(out, "%s=%s\n", v[0], v[1])
	}
}

// keep replaces what was made up with what was asked for.
func keep(made *string, asked string) {
	if asked != "" {
		*made = asked
	}
}
