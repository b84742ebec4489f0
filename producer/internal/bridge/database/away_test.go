package database_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

func TestADatabaseThatIsAway(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		wrong := target(t, v)
		wrong.Password, wrong.Database, wrong.File = "hunter2-wrong", "nobody", wrong.File+".missing"
		if v.Engine == vaulttest.SQLite {
			wrong.Password, wrong.Database = "", ""
		} else {
			wrong.File = ""
		}
		d := open(t, database.Options{Target: wrong})
		_, err := d.Read(t.Context(), of.organization)
		wantFault(t, err, fault.BridgeDatabaseUnavailable, string(wrong.Engine))
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v shows the password", err)
		}
		if _, err := os.Stat(wrong.File); v.Engine == vaulttest.SQLite && err == nil {
			t.Error("the file was created")
		}
	})
}

func TestWhatTheCallerCancelsIsNoFault(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := reader(t, v).Changed(ctx)
		if !errors.Is(err, context.Canceled) || fault.CodeOf(err) != "" {
			t.Errorf("got %v", err)
		}
	})
}

// A file in another journal mode is refused, stays in that mode, and is taken once
// somebody has switched it.
func TestSQLiteWithoutWALIsRefused(t *testing.T) {
	t.Parallel()
	v := vaulttest.New(t, vaulttest.SQLite, vaulttest.Setup{})
	of := found(t, v, "one")
	copied := filepath.Join(t.TempDir(), "restored.db")
	run(t, v, "VACUUM INTO '"+copied+"'")
	d := open(t, database.Options{Target: connstring.Target{Engine: connstring.SQLite, File: copied}, Writes: true})
	for range 2 {
		_, err := d.Read(t.Context(), of.organization)
		wantFault(t, err, fault.BridgeDatabaseUnsafe, `"delete"`, "PRAGMA journal_mode=WAL", "Stop the server", copied)
		_, err = d.Write(t.Context(), of.organization, vault.Write{Delete: true})
		wantFault(t, err, fault.BridgeDatabaseUnsafe, `"delete"`)
	}
	jobstest.Must(t, d.Exec(t.Context(), "PRAGMA journal_mode=wal"))
	if got := look(t, d, of); !got.Found {
		t.Errorf("got %+v", got)
	}
}

// A writer of the server is not held up by a reader, nor a reader by a writer for
// longer than its time-out.
func TestALockIsWaitedForASecond(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		d := reader(t, v)
		look(t, d, of)
		tx := jobstest.Value(v.DB.BeginTx(t.Context(), nil))(t)
		statement := `LOCK TABLE "OrganizationSponsorship" IN ACCESS EXCLUSIVE MODE`
		if v.Engine == vaulttest.MariaDB {
			statement = "LOCK TABLES OrganizationSponsorship WRITE"
		}
		_ = jobstest.Value(tx.ExecContext(t.Context(), statement))(t)
		_, err := d.Read(t.Context(), of.organization)
		wantFault(t, err, fault.BridgeDatabaseUnavailable, "imeout")
		jobstest.Must(t, tx.Rollback())
		if v.Engine == vaulttest.MariaDB {
			v.DB.SetMaxIdleConns(0) // the session that holds the lock
		}
		if got := look(t, d, of); !got.Found {
			t.Errorf("after the lock: %+v", got)
		}
	})
}

func TestOverASocketAndAnEngineThatIsNone(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		local := target(t, v)
		local.Host, local.Encryption.Mode = v.Database.Socket, connstring.Plain
		d := open(t, database.Options{Target: local})
		if got := changed(t.Context(), t, d); !slices.Equal(got, []sponsorship.ID{of.organization}) {
			t.Errorf("got %v", got)
		}
	})
	if _, err := database.Open(database.Options{Target: connstring.Target{Engine: "Oracle"}}); err == nil {
		t.Error("any engine will do")
	}
}

// Neither server of the tests offers encryption, so whoever asks for it gets no connection.
func TestEncryptionIsNeverGivenUp(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		for _, mode := range []connstring.Mode{connstring.Required, connstring.Issued, connstring.Checked} {
			asked := target(t, v)
			asked.Encryption.Mode = mode
			_, err := open(t, database.Options{Target: asked}).Changed(t.Context())
			wantFault(t, err, fault.BridgeDatabaseUnavailable, "TLS")
		}
		asked := target(t, v)
		asked.Encryption = connstring.Encryption{Mode: connstring.Issued, RootFile: filepath.Join(t.TempDir(), "missing.pem")}
		if _, err := database.Open(database.Options{Target: asked}); err == nil || strings.Contains(err.Error(), asked.Password.Reveal()) {
			t.Errorf("a missing certificate: %v", err)
		}
	})
}
