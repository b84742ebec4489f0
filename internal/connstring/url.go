package connstring

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// Forms says which URLs ParseURL takes.
const Forms = "postgres://user:password@host:port/database, mysql://..., sqlserver://user:password@host:port?database=name or sqlite:///path"

// ParseURL reads a URL. Encryption is set by the query's sslmode, sslrootcert,
// sslcert and sslkey, or by encrypt and trustservercertificate for SQL Server, with the
// words that the engine's own clients have for them.
func ParseURL(text string) (Target, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return Target{}, errors.New("is no URL (a password's special characters must be percent-encoded); want " + Forms)
	}
	engine, known := map[string]Engine{
		"postgres": PostgreSQL, "postgresql": PostgreSQL, "mysql": MySQL, "mariadb": MySQL, "sqlserver": SQLServer, "sqlite": SQLite,
	}[u.Scheme]
	if !known {
		return Target{}, errors.New("has a scheme that is unknown; want " + Forms)
	}
	if engine == SQLite {
		return sqliteURL(u)
	}
	p, err := queryPairs(u, engine)
	if err != nil {
		return Target{}, err
	}
	return fromURL(u, engine, p)
}

// fromURL lets the reader of connection strings judge a URL's settings, so that one word means one thing.
func fromURL(u *url.URL, engine Engine, p pairs) (Target, error) {
	var t Target
	var err error
	switch engine {
	case PostgreSQL:
		t, err = postgreSQL(p)
	case MySQL:
		t, err = mySQL(p)
	case SQLServer:
		t, err = sqlServer(p)
	}
	if err != nil {
		return Target{}, err
	}
	t.Engine, t.User = engine, u.User.Username()
	password, _ := u.User.Password()
	t.Password = secret.Text(password)
	if t.Host == "" { // otherwise a socket, named by the query
		t.Host = u.Hostname()
	}
	if t.Port, err = port(u.Port()); err != nil {
		return Target{}, err
	}
	path := strings.Trim(u.Path, "/")
	if engine == SQLServer {
		t.Instance = path
	} else {
		t.Database = path
	}
	return t, t.Check()
}

// queryPairs returns the query's settings, and refuses what would be silently ignored.
func queryPairs(u *url.URL, engine Engine) (pairs, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("has a query that can't be read")
	}
	allowed := map[Engine]pairs{
		PostgreSQL: {"sslmode": "sslmode", "sslrootcert": "rootcertificate", "sslcert": "sslcertificate", "sslkey": "sslkey", "searchpath": "searchpath", "host": "host"},
		MySQL:      {"sslmode": "sslmode", "sslrootcert": "sslca", "sslca": "sslca", "sslcert": "sslcert", "sslkey": "sslkey", "socket": "server"},
		SQLServer: {"database": "database", "encrypt": "encrypt", "trustservercertificate": "trustservercertificate",
			"hostnameincertificate": "hostnameincertificate", "certificate": "servercertificate"},
	}[engine]
	found := pairs{}
	for key, values := range query {
		name, ok := allowed[fold(key)]
		if !ok {
			return nil, fmt.Errorf("has a query with a name that is unknown; want only %s", strings.Join(slices.Sorted(maps.Keys(allowed)), ", "))
		}
		found[name] = values[len(values)-1]
	}
	return found, nil
}

func sqliteURL(u *url.URL) (Target, error) {
	if u.Host != "" || u.RawQuery != "" || u.User != nil {
		return Target{}, errors.New("says more than a path; want sqlite:///path, with three slashes")
	}
	t := Target{Engine: SQLite, File: u.Path}
	return t, t.Check()
}
