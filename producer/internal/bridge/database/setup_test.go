package database_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

const cloudOrganization = "c10ad000-0000-4000-8000-00000000c10d"

// onEach runs a test on every engine, in parallel.
func onEach(t *testing.T, setup vaulttest.Setup, test func(*testing.T, *vaulttest.Vault)) {
	t.Parallel()
	for _, engine := range vaulttest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, vaulttest.New(t, engine, setup))
		})
	}
}

// target is the vault's database as the server's settings name it.
func target(t testing.TB, v *vaulttest.Vault) connstring.Target {
	t.Helper()
	engine := jobstest.Value(connstring.Provider(v.Provider()))(t)
	return jobstest.Value(connstring.Parse(engine, v.ConnectionString()))(t)
}

func open(t *testing.T, o database.Options) *database.Database {
	t.Helper()
	d := jobstest.Value(database.Open(o))(t)
	t.Cleanup(func() { jobstest.Must(t, d.Close()) })
	return d
}

// reader opens the vault's database for reading only.
func reader(t *testing.T, v *vaulttest.Vault) *database.Database {
	t.Helper()
	return open(t, database.Options{Target: target(t, v)})
}

// restricted opens it as a user that has the grants and no other.
func restricted(t *testing.T, v *vaulttest.Vault, o database.Options, grants []string) *database.Database {
	t.Helper()
	o.Target = target(t, v)
	o.Target.User, o.Target.Password = newUser(t, v), secret.Text("few-rights")
	for _, statement := range grants {
		run(t, v, forUser(v, statement, o.Target.User))
	}
	return open(t, o)
}

func run(t *testing.T, v *vaulttest.Vault, statement string, args ...any) {
	t.Helper()
	if _, err := v.DB.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

type team struct {
	organization sponsorship.ID
	member       string
	account      string
}

// found makes an organization with a connection and a member.
func found(t *testing.T, v *vaulttest.Vault, name string) team {
	t.Helper()
	organization := jobstest.Value(v.Found(t.Context(), vaulttest.Organization{Name: name, LicenseKey: "KEY-" + name}))(t)
	jobstest.Must(t, v.SaveToken(t.Context(), organization, "TOKEN-"+name, cloudOrganization))
	made := team{organization: sponsorship.ID(organization)}
	made.member, made.account = join(t, v, made, "mia@"+name+".example")
	return made
}

func join(t *testing.T, v *vaulttest.Vault, of team, email string) (member, account string) {
	t.Helper()
	member, account, err := v.Join(t.Context(), string(of.organization), vaulttest.Person{Name: "Mia", Email: email, Role: vaulttest.Member})
	jobstest.Must(t, err)
	return member, account
}

func offer(t *testing.T, v *vaulttest.Vault, member, email string) {
	t.Helper()
	jobstest.Must(t, v.Offer(t.Context(), vaulttest.ByWebVault(member, email)))
}

// look reads an organization.
func look(t *testing.T, d *database.Database, of team) vault.Snapshot {
	t.Helper()
	return jobstest.Value(d.Read(t.Context(), of.organization))(t)
}

// everLater is a clock of which no two readings are within the precision of an id.
func everLater() func() time.Time {
	var seconds atomic.Int64
	return func() time.Time {
		return time.Date(2026, 8, 20, 12, 0, int(seconds.Add(1)), 0, time.UTC)
	}
}

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func changed(ctx context.Context, t *testing.T, d *database.Database) []sponsorship.ID {
	t.Helper()
	return jobstest.Value(d.Changed(ctx))(t)
}
