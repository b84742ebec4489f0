package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/connection"
)

type connectFlags struct {
	org, cloudOrg         sponsorship.ID
	licenseKey, tokenFile string

	licenseKeyFile string // in place of licenseKey
}

func (a *app) connectCommand() *cobra.Command {
	var f connectFlags
	command := &cobra.Command{
		Use: "connect --org ORG --cloud-org CLOUDORG", Short: "Save the billing sync token, where no bridge reads it from the vault",
		Long: `Saves the billing sync token, encrypted with SPONSORSYNC_ENCRYPTION_KEY.

Generate the token in the cloud web app: Admin Console, Billing, Subscription,
section Self-hosting, Set up billing sync. It is read from standard input (on a
terminal it is asked for, and not shown) or from --token-file; it is never an
argument, which everyone on the machine could read.

The cloud organization's id is the Id in the license file. Only 'sync-license'
needs the license key, which is the LicenseKey there. Connecting again replaces
the token and keeps a license key that is not given anew.`,
		Example: `  producer connect --org ORG --cloud-org CLOUDORG
  producer connect --org ORG --cloud-org CLOUDORG --license-key-file license.key --token-file /run/secrets/token`,
		GroupID: groupSetup, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error { return a.connect(command, f) },
	}
	orgFlag(command, &f.org)
	command.Flags().Var(idValue{&f.cloudOrg}, "cloud-org", "`UUID` of the organization in Bitwarden's cloud")
	command.Flags().StringVar(&f.licenseKey, "license-key", "", "the license file's LicenseKey, `KEY`; only license syncs need it. Others on this machine can see it: --license-key-file hides it")
	command.Flags().StringVar(&f.licenseKeyFile, "license-key-file", "", "read the license key from `FILE`")
	a.jsonFlag(command)
	command.Flags().StringVar(&f.tokenFile, "token-file", "", "read the token from `FILE` instead of standard input")
	return command
}

func (a *app) connect(command *cobra.Command, f connectFlags) error {
	if err := usage(command, f.faults(command)...); err != nil {
		return err
	}
	settings, err := a.settings(config.EncryptionKey)
	if err != nil {
		return err
	}
	token, err := a.token(command.Context(), f.tokenFile)
	if err != nil {
		return err
	}
	if f.licenseKeyFile != "" {
		if f.licenseKey, err = a.secretFile(command.Context(), "--license-key-file", f.licenseKeyFile); err != nil {
			return err
		}
	}
	c := state.Connection{CloudOrganizationID: f.cloudOrg, BillingSyncToken: secret.Text(token), LicenseKey: secret.Text(f.licenseKey)}
	if err := usage(command, fieldFaults(c.Validate(), connectionSource)...); err != nil {
		return err
	}
	return a.connected(command.Context(), settings, func(s *session) error {
		return a.saveConnection(command.Context(), s, f.org, c)
	})
}

// connectionSource says where a field of a connection comes from.
func connectionSource(field string) string {
	switch field {
	case "cloudOrganizationId":
		return "--cloud-org"
	case "licenseKey":
		return "the license key (--license-key or --license-key-file)"
	}
	return "the billing sync token (standard input or --token-file)"
}

func (f connectFlags) faults(command *cobra.Command) []string {
	faults := append(orgFaults(f.org), idFaults("--cloud-org", f.cloudOrg)...)
	if command.Flags().Changed("license-key") && strings.TrimSpace(f.licenseKey) == "" {
		faults = append(faults, "--license-key must not be blank; leave it out to keep the one that is saved")
	}
	if f.licenseKey != "" && f.licenseKeyFile != "" {
		faults = append(faults, "--license-key and --license-key-file exclude each other")
	}
	return faults
}

func (a *app) saveConnection(ctx context.Context, s *session, org sponsorship.ID, c state.Connection) error {
	saver := connection.Saver{Ledger: s.ledger, Waker: enqueue.NewSystem(s.client)}
	saved, err := saver.Save(ctx, org, c)
	if err != nil {
		return err
	}
	if sharing, err := saver.Sharing(ctx, org, c.CloudOrganizationID); err == nil && len(sharing) > 0 {
		a.note("warning: organization %s is connected to the same cloud organization; if that is a mistake: producer disconnect --org %s", sharing[0], sharing[0])
	}
	if saved.UnusualToken {
		a.note("warning: a billing sync token is 30 letters and digits, and this one is not; saved nevertheless")
	}
	document := map[string]any{"organizationId": org, "cloudOrganizationId": c.CloudOrganizationID, "started": saved.Started, "unusualToken": saved.UnusualToken}
	if err := a.result(document, fmt.Sprintf("connected %s to cloud organization %s", org, c.CloudOrganizationID)); err != nil {
		return err
	}
	if saved.Started {
		a.note("what waits for the cloud is tried now; for a full sync: producer sync --org %s", org)
		return nil
	}
	a.note("next, start the first sync: producer sync --org %s", org)
	return nil
}

// maxToken keeps a wrong file from filling the memory.
const maxToken = 64 << 10

// token reads the token from the file or standard input, and asks on a terminal.
func (a *app) token(ctx context.Context, path string) (string, error) {
	if path != "" {
		return a.secretFile(ctx, "--token-file", path)
	}
	if stdin, ok := a.Stdin.(*os.File); ok && isTerminal(stdin) {
		return a.askToken(ctx, int(stdin.Fd()))
	}
	return readSecret(ctx, "the billing sync token", a.Stdin)
}

// secretFile reads a secret that a flag names the file of. An empty one is no secret.
func (a *app) secretFile(ctx context.Context, flag, path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", &boot.UsageError{Faults: []string{flag + ": " + err.Error()}, Hint: "give a file that this user may read"}
	}
	defer func() { _ = file.Close() }()
	text, err := readSecret(ctx, flag, file)
	if err == nil && text == "" {
		return "", &boot.UsageError{Faults: []string{flag + ": " + path + " is empty"}, Hint: "put the secret, and nothing else, into that file"}
	}
	return text, err
}

func readSecret(ctx context.Context, what string, source io.Reader) (string, error) {
	text, err := jobs.Await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(source, maxToken)) })
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// askToken restores the terminal's echo also when a signal ends the question.
func (a *app) askToken(ctx context.Context, terminal int) (string, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return "", fmt.Errorf("prepare terminal: %w", err)
	}
	_, _ = fmt.Fprint(a.Stderr, "Billing sync token (not shown while you type or paste it): ")
	text, err := jobs.Await(ctx, func() ([]byte, error) { return term.ReadPassword(terminal) })
	_, _ = fmt.Fprintln(a.Stderr)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", errors.Join(err, term.Restore(terminal, before))
	}
	return strings.TrimSpace(string(text)), nil
}
