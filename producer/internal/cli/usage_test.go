package cli_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want []string // on standard error
	}{
		"no command":            {nil, []string{"error: no command given"}},
		"unknown command":       {[]string{"conect"}, []string{"unknown command 'conect', did you mean 'connect'?", "hint: run 'producer --help'"}},
		"unknown subcommand":    {[]string{"jobs", "lst"}, []string{"unknown command 'lst', did you mean 'list'?"}},
		"no subcommand":         {[]string{"jobs"}, []string{"error: no command given"}},
		"unknown shell":         {[]string{"completion", "foo"}, []string{"unknown command 'foo'"}},
		"help on nothing":       {[]string{"help", "foo"}, []string{"no help on 'foo'"}},
		"unknown flag":          {[]string{"sync", "--foo"}, []string{"unknown flag: --foo", "hint: run 'producer sync --help'"}},
		"flag without value":    {[]string{"sync", "--org"}, []string{"flag needs an argument: --org"}},
		"stray argument":        {[]string{"sync", acme}, []string{"unexpected argument '" + acme + "': values go with a flag"}},
		"sync: nothing":         {[]string{"sync"}, []string{"--org is missing"}},
		"license: nothing":      {[]string{"sync-license"}, []string{"--org is missing"}},
		"status: wrong id":      {[]string{"status", "--org", "acme"}, []string{"--org must be a UUID"}},
		"redeem: all at once":   {[]string{"redeem", "--org", "x", "--email", "nobody"}, []string{"--org must be", "--user is missing", "--email is not a plain e-mail address"}},
		"redeem: file and flag": {[]string{"redeem", "--file", "f", "--user", member, "--name", "n", "--org", "x"}, []string{"--user does not go with --file", "--name does not", "--org must be"}},
		"change: nothing":       {[]string{"change-sponsorship", "--org", "x", "--user", member}, []string{"--org must be", "nothing to change: give --email and/or --name, or --revoke, or --resend"}},
		"change: all":           {[]string{"change-sponsorship", "--org", acme, "--revoke", "--name", "n"}, []string{"--user is missing", "--revoke stands alone"}},
		"change: resend":        {[]string{"change-sponsorship", "--org", acme, "--user", member, "--resend", "--name", "n"}, []string{"--resend stands alone"}},
		"connect: all at once":  {[]string{"connect", "--license-key", " "}, []string{"--org is missing", "--cloud-org is missing", "--license-key must not be blank"}},
		"watch: all at once":    {[]string{"watch", "--org", "x", "--status", "gone", "--since", "-1h"}, []string{"--org must be", "--status must be one of pending, sent", "--since must be"}},
		"forget: nothing":       {[]string{"forget", "--yes"}, []string{"--org is missing", "--user is missing"}},
		"disconnect: timeout":   {[]string{"disconnect", "--timeout", "1m"}, []string{"--org is missing", "--timeout goes with --withdraw"}},
		"jobs show: no id":      {[]string{"jobs", "show"}, []string{"accepts 1 arg(s), received 0"}},
		"jobs retry: no id":     {[]string{"jobs", "retry"}, []string{"give the ids of dead jobs, or --all"}},
		"jobs delete: both":     {[]string{"jobs", "delete", "--all", "x"}, []string{"not both"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t.Context(), nil, "", test.args...)
			requireStatus(t, r, 2)
			requireContains(t, r.err, test.want...)
			requireAbsent(t, r.err, "nobody")
			if r.out != "" {
				t.Errorf("standard output must be empty, got:\n%s", r.out)
			}
		})
	}
}

func TestWrongConfiguration(t *testing.T) {
	t.Parallel()
	environ := []string{"REDIS_URL=http://u:hidden@h", "NATS_URL=http://x", "SPONSORSYNC_LOG_LEVEL=loud", "SPONSORSYNC_TYPO=1"}
	r := run(t.Context(), environ, token, "connect", "--org", acme, "--cloud-org", cloudAcme)
	requireStatus(t, r, 2)
	requireContains(t, r.err, "error: REDIS_URL:", "error: NATS_URL:", "error: SPONSORSYNC_LOG_LEVEL:",
		"error: SPONSORSYNC_ENCRYPTION_KEY: required", "warning: SPONSORSYNC_TYPO is set and means nothing", "hint: ")
	requireAbsent(t, r.err, "hidden", token)
}

func TestEnvFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	file := filepath.Join(t.TempDir(), "global.override.env")
	if err := os.WriteFile(file, []byte(strings.Join(b.environ, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	requireStatus(t, run(t.Context(), nil, "", "sync", "--org", acme, "--env-file", file), 0)

	r := run(t.Context(), []string{"REDIS_URL=wrong"}, "", "sync", "--org", acme, "--env-file", file)
	requireStatus(t, r, 2) // the real environment wins

	r = run(t.Context(), nil, "", "--env-file", file+".not", "sync", "--org", acme)
	requireStatus(t, r, 2)
	requireContains(t, r.err, file+".not")
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	r := run(t.Context(), []string{"REDIS_URL=redis://u:hidden@" + address}, "", "sync", "--org", acme)
	requireStatus(t, r, 1)
	requireContains(t, r.err, "error: queue_unavailable: connect to Redis at redis://"+address, "connection refused", "hint: Check that Redis runs and has memory and disk left, and that REDIS_URL is right")
	requireAbsent(t, r.err, "hidden")
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ args, want []string }{
		"root":        {[]string{"--help"}, []string{"connect", "redeem", "change-sponsorship", "watch", "--env-file FILE", "Exit status: 0 done, 1 it failed, 2 wrong usage"}},
		"redeem":      {[]string{"redeem", "--help"}, []string{"organizationUserId (or user), sponsoredEmail (email)", "--file FILE", "--wait"}},
		"connect":     {[]string{"connect", "-h"}, []string{"--token-file FILE", "--license-key KEY", "Set up billing sync"}},
		"jobs":        {[]string{"help", "jobs"}, []string{"list", "show", "retry", "delete"}},
		"environment": {[]string{"help", "environment"}, []string{"REDIS_URL (default redis://127.0.0.1:6379/0)", "SPONSORSYNC_ENCRYPTION_KEY"}},
		"version":     {[]string{"--version"}, []string{"producer version v1.2.3\n"}},
		"bash":        {[]string{"completion", "bash"}, []string{"bash completion V2 for producer"}},
		"zsh":         {[]string{"completion", "zsh"}, []string{"#compdef producer"}},
		"fish":        {[]string{"completion", "fish"}, []string{"fish completion for producer"}},
		"powershell":  {[]string{"completion", "powershell"}, []string{"Register-ArgumentCompleter"}},
		"statuses":    {[]string{"__complete", "watch", "--status", ""}, []string{"pending\nsent\nredeemed\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t.Context(), []string{"REDIS_URL=wrong"}, "", test.args...) // help needs no configuration
			requireStatus(t, r, 0)
			requireContains(t, r.out, test.want...)
		})
	}
}

func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var stderr buffer
	status := program(b.environ, strings.NewReader(""), full{}, &stderr).Run(t.Context(), []string{"sync", "--org", acme})
	requireStatus(t, result{status: status, err: stderr.String()}, 1)
	requireContains(t, stderr.String(), "error: write output: disk full")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }
