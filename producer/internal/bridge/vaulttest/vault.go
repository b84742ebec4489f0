package vaulttest

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest/servers"
)

// Vault is a self-hosted server as far as its database shows it. Its methods are
// what people do in the web vault and what the server does by itself. Ids go in and
// come out in lower case, whatever the engine stores.
//
// It is safe for several goroutines; with one, and the same seed and clock, it
// writes the same.
type Vault struct {
	Engine Engine
	// DB is the server's own connection: it may do everything.
	DB *sql.DB
	// File is the database of SQLite, Database that of the others.
	File     string
	Database servers.Database

	d       dialect
	schema  schema
	manners manners
	now     func() time.Time
	ids     *combs
	trace   func(statement string)
}

// Setup says what is special. The zero value is a present server.
type Setup struct {
	Older            bool // from before 2025.4.3: no rows of admins
	SQLServerManners bool // writes as the server does on SQL Server
	// CommandTimeout is how long a write waits for a lock: half a minute by default, whole seconds.
	CommandTimeout time.Duration
	Clock          func() time.Time
	Seed           uint64 // of the ids
}

// New makes an empty vault: its tables, without an organization.
func New(t testing.TB, engine Engine, setup Setup) *Vault {
	t.Helper()
	v := &Vault{Engine: engine, d: engine.dialect(), schema: schemas()[engine], now: setup.Clock, trace: func(string) {}}
	if v.now == nil {
		v.now = time.Now
	}
	if setup.Older {
		v.schema = v.schema.at(v.schema.beforeAdminInitiated())
	}
	v.manners = entityFramework{v}
	if setup.SQLServerManners {
		v.manners = sqlServer{v}
	}
	v.ids = &combs{random: rand.New(rand.NewPCG(setup.Seed, 0)), now: v.now}
	if setup.CommandTimeout == 0 {
		setup.CommandTimeout = serverPatience
	}
	v.open(t, setup.CommandTimeout)
	if err := v.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *Vault) open(t testing.TB, patience time.Duration) {
	t.Helper()
	var name string
	switch v.Engine {
	case PostgreSQL:
		v.Database = servers.PostgreSQL(t)
		name = fmt.Sprintf("%s?timezone=UTC&lock_timeout=%d", v.Database.PostgreSQLURL(), patience.Milliseconds())
	case MariaDB:
		v.Database = servers.MariaDB(t)
		name = fmt.Sprintf("%s?clientFoundRows=true&innodb_lock_wait_timeout=%d", v.Database.MySQLName(), int(patience.Seconds()))
	case SQLite:
		v.File = filepath.Join(t.TempDir(), "vault.db")
		name = v.sqliteName(patience)
	}
	db, err := sql.Open(v.d.driver, name)
	if err != nil {
		t.Fatal(err)
	}
	v.DB = db
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Provider is the engine's name in the server's settings.
func (v *Vault) Provider() string { return string(v.Engine) }

// ConnectionString names the database as the server's settings do.
func (v *Vault) ConnectionString() string {
	d := v.Database
	switch v.Engine {
	case PostgreSQL:
		return fmt.Sprintf("Host=%s;Port=%d;Database=%s;Username=%s;Password=%s", d.Host, d.Port, d.Name, d.User, d.Password)
	case MariaDB:
		return fmt.Sprintf("server=%s;port=%d;database=%s;user=%s;password=%s", d.Host, d.Port, d.Name, d.User, d.Password)
	default:
		return "Data Source=" + v.File + ";"
	}
}

// Head is the newest migration that has run.
func (v *Vault) Head() string { return v.schema.Head }

// id is an id as this engine stores it.
func (v *Vault) id(id string) string { return v.d.id(id) }

// flag is a flag as this engine stores it.
func (v *Vault) flag(set bool) any {
	switch {
	case v.Engine == PostgreSQL:
		return set
	case set:
		return int64(1)
	default:
		return int64(0)
	}
}

func (v *Vault) has(table, column string) bool {
	for _, c := range v.schema.Tables[table].Columns {
		if c.Name == column {
			return true
		}
	}
	return false
}

func orNull(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}
