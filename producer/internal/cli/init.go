package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/producer/internal/setup"
)

func (a *app) initCommand() *cobra.Command {
	var dir string
	var containers, services bool
	command := &cobra.Command{
		Use: "init [--dir DIR]", Short: "Write a set of secrets and an example of settings",
		Long: `Makes DIR/secrets, with an encryption key, an API token, a hook secret and passwords
for Redis and NATS, and DIR/sponsorsync.env, with settings to choose from. What is there
stays as it is: to have another secret made, delete its file and run this again. Keep a
copy of the encryption key: without it no stored token can be read.

--containers also writes, each time anew, DIR/run with what each container of
compose.yaml may read: its own part of DIR/sponsorsync.env and of the self-hosted server's
env file, which --env-file names. --services does the same for the programs as services of
this machine, whose Redis and NATS are the machine's own (REDIS_URL, NATS_URL).`,
		Example: `  producer init --dir /etc/sponsorsync
  producer init --dir sponsorsync --containers --env-file bwdata/env/global.override.env
  producer init --dir /etc/sponsorsync --services --env-file bwdata/env/global.override.env`,
		GroupID: groupSetup, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			switch {
			case containers && services:
				return usage(command, "--containers and --services exclude each other")
			case containers:
				return a.initialize(dir, setup.Containers)
			case services:
				return a.initialize(dir, setup.Services)
			}
			return a.initialize(dir, nil)
		},
	}
	command.Flags().StringVar(&dir, "dir", "sponsorsync", "the `FOLDER` to write to, which only its owner should be able to read")
	command.Flags().BoolVar(&containers, "containers", false, "also write what each container may read")
	command.Flags().BoolVar(&services, "services", false, "also write what each service of this machine may read")
	return command
}

// initialize also lays out what each program may read, unless share is nil.
func (a *app) initialize(dir string, share func(dir string, environ config.Environ) error) error {
	made, err := setup.Write(dir, rand.Reader)
	for _, path := range made {
		if printErr := a.print("made " + path); printErr != nil {
			return printErr
		}
	}
	if err != nil {
		return unwritable(dir, err)
	}
	if share == nil {
		if len(made) == 0 {
			return a.print("everything is there already; nothing was changed")
		}
		return nil
	}
	a.envFiles = append(slices.Clone(a.envFiles), filepath.Join(dir, setup.SettingsFile))
	environ, err := a.environ()
	if err != nil {
		return err
	}
	if _, err := config.LoadBridge(environ); err != nil { // the one that most depends on the server's file
		return err
	}
	if err := share(dir, environ); err != nil {
		return unwritable(dir, err)
	}
	return a.print("wrote " + filepath.Join(dir, "run") + " from " + strings.Join(a.envFiles, ", "))
}

func unwritable(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return &withHint{err, fmt.Sprintf("make the folder as the user that this runs as, and try again: install -d -m 700 -o USER %s", dir)}
	}
	return err
}
