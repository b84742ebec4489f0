package config

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

const (
	bridgeMode       = "SPONSORSYNC_BRIDGE"
	bridgeDatabase   = "SPONSORSYNC_BRIDGE_DATABASE"
	bridgeInterval   = "SPONSORSYNC_BRIDGE_INTERVAL"
	bridgeGrace      = "SPONSORSYNC_BRIDGE_GRACE"
	bridgeOrphans    = "SPONSORSYNC_BRIDGE_ORPHANS"
	databaseProvider = "globalSettings__databaseProvider"
)

// The values of [Bridge].Mode.
const (
	BridgeOff  = "off"
	BridgeRead = "read" // the vault is read, never written
	BridgeFull = "full" // the vault is told, too, what became of its rows
)

// BridgeWithdraw is the value of [Bridge].Orphans that withdraws what it finds.
const BridgeWithdraw = "withdraw"

// Bridge is how the self-hosted server's own database is followed.
type Bridge struct {
	Mode     string        `env:"SPONSORSYNC_BRIDGE"`          // BridgeOff, BridgeRead or BridgeFull
	Interval time.Duration `env:"SPONSORSYNC_BRIDGE_INTERVAL"` // between two questions whether anything changed
	Grace    time.Duration `env:"SPONSORSYNC_BRIDGE_GRACE"`    // how long a row must be gone
	Orphans  string        `env:"SPONSORSYNC_BRIDGE_ORPHANS"`  // "report" or BridgeWithdraw
	Listen   string        `env:"SPONSORSYNC_BRIDGE_LISTEN"`   // health and metrics of a bridge that runs by itself; "" for none

	// Database is the server's database, and Source the variable that named it. Both
	// are empty where none is named, which is a fault only while the bridge is on.
	Database connstring.Target `env:"-"`
	Source   string            `env:"-"`
}

// serverDatabase is what the variables say, as they say it.
type serverDatabase struct {
	URL          secret.Text `env:"SPONSORSYNC_BRIDGE_DATABASE"`
	Provider     string      `env:"globalSettings__databaseProvider"`
	SQLServer    secret.Text `env:"globalSettings__sqlServer__connectionString"`
	PostgreSQL   secret.Text `env:"globalSettings__postgreSql__connectionString"`
	MySQL        secret.Text `env:"globalSettings__mySql__connectionString"`
	SQLite       secret.Text `env:"globalSettings__sqlite__connectionString"`
	LiteProvider string      `env:"BW_DB_PROVIDER"`
	LiteServer   string      `env:"BW_DB_SERVER"`
	LitePort     int         `env:"BW_DB_PORT"`
	LiteDatabase string      `env:"BW_DB_DATABASE"`
	LiteUsername string      `env:"BW_DB_USERNAME"`
	LitePassword secret.Text `env:"BW_DB_PASSWORD"`
	LiteFile     string      `env:"BW_DB_FILE"`
}

// connectionString is the server's variable for an engine.
func connectionString(engine connstring.Engine) string {
	return map[connstring.Engine]string{
		connstring.SQLServer:  "globalSettings__sqlServer__connectionString",
		connstring.PostgreSQL: "globalSettings__postgreSql__connectionString",
		connstring.MySQL:      "globalSettings__mySql__connectionString",
		connstring.SQLite:     "globalSettings__sqlite__connectionString",
	}[engine]
}

func isConnectionString(name string) bool {
	return strings.HasSuffix(canonical(name), "__connectionString")
}

func (d serverDatabase) connectionString(engine connstring.Engine) secret.Text {
	return map[connstring.Engine]secret.Text{
		connstring.SQLServer: d.SQLServer, connstring.PostgreSQL: d.PostgreSQL,
		connstring.MySQL: d.MySQL, connstring.SQLite: d.SQLite,
	}[engine]
}

// LoadBridge returns the settings of producer bridge and of commands that look
// into the vault.
func LoadBridge(e Environ) (Bridge, error) {
	var b Bridge
	l := fill(e, &b)
	l.findDatabase(&b)
	return b, l.err()
}

// findDatabase says which database the variables name. While the bridge is off only
// a fault in a name of our own is one: nothing needs the server's.
func (l *loader) findDatabase(b *Bridge) {
	var d serverDatabase
	l.read(&d)
	name, target, err := l.namedDatabase(d)
	switch {
	case name == "":
	case err == nil:
		b.Database, b.Source = target, name
	case b.Mode != BridgeOff || d.URL != "":
		l.fault(lookup(name), name, err.Error())
	}
}

// namedDatabase returns the database, or why it is none, with the variable's
// name. The name is "" when a variable that decides has a fault of its own.
func (l *loader) namedDatabase(d serverDatabase) (string, connstring.Target, error) {
	if d.URL != "" {
		target, err := connstring.ParseURL(d.URL.Reveal())
		return bridgeDatabase, target, hidden(err)
	}
	engine, err := connstring.Provider(cmp.Or(d.LiteProvider, d.Provider))
	name := connectionString(engine)
	for _, decides := range []string{bridgeDatabase, databaseProvider, litePrefix + "PROVIDER", name} {
		if err != nil || l.faulty[decides] {
			return "", connstring.Target{}, nil
		}
	}
	if text := d.connectionString(engine); text != "" {
		target, err := connstring.Parse(engine, text.Reveal())
		return name, target, hidden(err)
	}
	if d.LiteProvider != "" {
		return l.liteDatabase(d, engine)
	}
	return bridgeDatabase, connstring.Target{}, fmt.Errorf("required while %s is on, unless %s is set, for %s; want %s",
		bridgeMode, name, engine, connstring.Forms)
}

// hidden completes what is wrong with a text that nobody may see.
func hidden(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("got something else (not shown): it %w", err)
}

// liteDatabase puts together what the server's container puts together.
func (l *loader) liteDatabase(d serverDatabase, engine connstring.Engine) (string, connstring.Target, error) {
	if engine == connstring.SQLite {
		target := connstring.Target{Engine: engine, File: d.LiteFile}
		return litePrefix + "FILE", target, target.Check()
	}
	target := connstring.Target{
		Engine: engine, Host: d.LiteServer, Port: d.LitePort, Database: d.LiteDatabase, User: d.LiteUsername, Password: d.LitePassword,
		Encryption: connstring.Encryption{Mode: connstring.Preferred},
	}
	if engine == connstring.SQLServer { // the container's own string says "encrypted, whoever it is"
		target.Encryption.Mode = connstring.Required
	}
	missing := "SERVER"
	switch "" {
	case target.Host:
	case target.Database:
		missing = "DATABASE"
	case target.User:
		missing = "USERNAME"
	}
	return litePrefix + missing, target, target.Check()
}
