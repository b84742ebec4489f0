package servers

import (
	"database/sql"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// The user that may do everything, as scripts/databases.sh makes it.
const (
	user     = "vault"
	password = "vault-password"
)

// Database is a database on a real server, and a user.
type Database struct {
	Host     string
	Port     int
	Socket   string // what a program may name instead of Host and Port: a directory for PostgreSQL, a file for MariaDB
	Name     string
	User     string
	Password string
}

// PostgreSQL makes an empty database. Its user may do everything.
func PostgreSQL(t testing.TB) Database {
	t.Helper()
	server, port := running(t, "postgresql")
	system := Database{Host: "127.0.0.1", Port: port, Socket: server.dir, Name: "postgres", User: user, Password: password}
	admin := open(t, "pgx", system.PostgreSQLURL())
	return create(t, admin, creation{system: system, drop: " WITH (FORCE)"})
}

// MariaDB makes an empty database. Its user may do everything.
func MariaDB(t testing.TB) Database {
	t.Helper()
	server, port := running(t, "mariadb")
	system := Database{
		Host: "127.0.0.1", Port: port, Socket: filepath.Join(server.dir, "mariadb.sock"),
		Name: "mysql", User: user, Password: password,
	}
	admin := open(t, "mysql", system.MySQLName())
	return create(t, admin, creation{system: system})
}

type creation struct {
	system Database // that every server has
	drop   string   // how to drop one that is in use
}

func create(t testing.TB, admin *sql.DB, c creation) Database {
	t.Helper()
	made := c.system
	made.Name = "vault_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+made.Name); err != nil {
		t.Fatalf("create a test database: %v", err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + made.Name + c.drop); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return made
}

func open(t testing.TB, driver, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// As returns the same database for another user.
func (d Database) As(user, password string) Database {
	d.User, d.Password = user, password
	return d
}

// PostgreSQLURL is what pgx connects to, over TCP.
func (d Database) PostgreSQLURL() string {
	target := url.URL{
		Scheme: "postgres", User: url.UserPassword(d.User, d.Password),
		Host: d.address(), Path: d.Name,
	}
	return target.String()
}

// MySQLName is what go-sql-driver connects to, over TCP.
func (d Database) MySQLName() string {
	config := mysql.NewConfig()
	config.User, config.Passwd = d.User, d.Password
	config.Net, config.Addr, config.DBName = "tcp", d.address(), d.Name
	return config.FormatDSN()
}

func (d Database) address() string { return net.JoinHostPort(d.Host, strconv.Itoa(d.Port)) }
