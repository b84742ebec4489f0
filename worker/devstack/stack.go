package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// addresses are where the parts listen; a port of 0 is a free one.
type addresses struct{ redis, nats, cloud string }

func commands(out io.Writer) *cobra.Command {
	var at addresses
	root := &cobra.Command{
		Use:           "devstack",
		Short:         "Run a store, a JetStream server and a simulated cloud until a signal, and print their environment",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), at, out) },
	}
	root.Flags().StringVar(&at.redis, "redis", "127.0.0.1:0", "`ADDRESS` of the store")
	root.Flags().StringVar(&at.nats, "nats", "127.0.0.1:0", "`ADDRESS` of the JetStream server")
	root.Flags().StringVar(&at.cloud, "cloud", "127.0.0.1:0", "`ADDRESS` of the simulated cloud")
	root.AddCommand(acceptCommand(out), cloudCommand(out))
	return root
}

// run starts everything, prints the environment and waits for the end.
func run(ctx context.Context, at addresses, out io.Writer) (err error) {
	stack, err := jobstest.Start(jobstest.Options{RedisAddr: at.redis, NATSAddr: at.nats})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()
	cloud := cloudtest.New(cloudtest.Options{Addr: at.cloud, Penalty: cloudtest.KeyPenalty, Limits: cloudtest.DefaultLimits()})
	if err := cloud.Start(); err != nil {
		return fmt.Errorf("start simulated cloud: %w", err)
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	printEnvironment(out, stack, cloud)
	<-ctx.Done()
	return nil
}

// printEnvironment writes an env file: settings first, then what a person would
// look up in the cloud's web app. The last line says that all is up.
func printEnvironment(out io.Writer, stack *jobstest.Stack, cloud *cloudtest.Cloud) {
	installation, organization := cloud.AddInstallation(), cloud.AddOrganization()
	for _, v := range [][2]string{
		{"globalSettings__enableCloudCommunication", "true"},
		{"globalSettings__installation__id", installation.ID},
		{"globalSettings__installation__key", installation.Key},
		{"globalSettings__installation__identityUri", cloud.URL()},
		{"globalSettings__installation__apiUri", cloud.URL()},
		{"REDIS_URL", stack.RedisURL()},
		{"NATS_URL", stack.NATSURL()},
		{"SPONSORSYNC_ENCRYPTION_KEY", secret()},
		{"SPONSORSYNC_API_TOKEN", secret()},
		{"SPONSORSYNC_HOOK_SECRET", "whsec_" + secret()},
		{"DEVSTACK_CLOUD_URL", cloud.URL()},
		{"DEVSTACK_CLOUD_ORGANIZATION_ID", organization.ID},
		{"DEVSTACK_BILLING_SYNC_TOKEN", organization.BillingSyncKey},
		{"DEVSTACK_LICENSE_KEY", organization.LicenseKey},
	} {
		fmt.Fprintf(out, "%s=%s\n", v[0], v[1])
	}
	fmt.Fprintln(out, "DEVSTACK_READY=true")
}

func secret() string {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	return base64.StdEncoding.EncodeToString(raw)
}
