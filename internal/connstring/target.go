package connstring

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// Engine is the kind of a database.
type Engine string

// The engines that the server runs on.
const (
	SQLServer  Engine = "SQL Server"
	PostgreSQL Engine = "PostgreSQL"
	MySQL      Engine = "MySQL" // or MariaDB
	SQLite     Engine = "SQLite"
)

// Target is one database and how to reach it. The zero value is none.
type Target struct {
	Engine     Engine
	Host       string // a name, an address, or the folder or path of a socket
	Port       int    // 0 is the engine's own
	Instance   string // of SQL Server, "" for the default one
	Database   string
	Schema     string // of PostgreSQL, "" for public
	User       string
	Password   secret.Text
	Encryption Encryption
	File       string // of SQLite: an absolute path; then everything above but Engine is empty
}

// Encryption is how a connection is protected. Files are paths, "" for none.
type Encryption struct {
	Mode     Mode
	RootFile string // certificates of the authorities that are trusted, in place of the system's
	CertFile string // our own certificate, and its key
	KeyFile  string
	HostName string // that the certificate must carry, "" for Target.Host
}

// Mode says how much of an encrypted connection is checked, from lax to strict.
type Mode int

// The modes. What is called "allow" elsewhere is Preferred here.
const (
	Plain     Mode = iota // never encrypted
	Preferred             // encrypted where the server offers it, whoever it is
	Required              // encrypted, whoever it is
	Issued                // and its certificate comes from an authority that is trusted
	Checked               // and carries the host's name
	Strict                // Checked, and encrypted from the first byte (SQL Server)
)

// String names the mode as error messages and documents do.
func (m Mode) String() string {
	names := [...]string{"plain", "preferred", "required", "issuer checked", "checked", "strict"}
	if m < 0 || int(m) >= len(names) {
		return fmt.Sprintf("mode %d", int(m))
	}
	return names[m]
}

// String names the database for messages: no user, no password.
func (t Target) String() string {
	switch {
	case t.Engine == "":
		return "no database"
	case t.Engine == SQLite:
		return fmt.Sprintf("%s file %s", t.Engine, t.File)
	}
	return fmt.Sprintf("%s database %q at %s", t.Engine, t.Database, t.Address())
}

// Address is host and port, the engine's own port where none was named, or a socket's path.
func (t Target) Address() string {
	if strings.HasPrefix(t.Host, "/") {
		return t.Host
	}
	if t.Instance != "" && t.Port == 0 {
		return t.Host + `\` + t.Instance
	}
	return net.JoinHostPort(t.Host, strconv.Itoa(t.port()))
}

func (t Target) port() int {
	if t.Port != 0 {
		return t.Port
	}
	return map[Engine]int{SQLServer: 1433, PostgreSQL: 5432, MySQL: 3306}[t.Engine]
}
