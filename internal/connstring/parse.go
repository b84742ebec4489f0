package connstring

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// Parse reads the connection string that the server has for an engine.
func Parse(engine Engine, text string) (Target, error) {
	found, err := parsePairs(text)
	if err != nil {
		return Target{}, err
	}
	read := map[Engine]func(pairs) (Target, error){
		SQLServer: sqlServer, PostgreSQL: postgreSQL, MySQL: mySQL, SQLite: sqLite,
	}[engine]
	if read == nil {
		return Target{}, fmt.Errorf("no engine is called %q", engine)
	}
	t, err := read(found)
	if err != nil {
		return Target{}, err
	}
	t.Engine = engine
	return t, t.Check()
}

// Check returns what the target lacks, or nil.
func (t Target) Check() error {
	switch {
	case t.Engine == SQLite && !filepath.IsAbs(t.File):
		return errors.New("names no file; want an absolute path")
	case t.Engine == SQLite:
		return nil
	case t.Host == "":
		return errors.New("names no server")
	case strings.Contains(t.Host, ","):
		return errors.New("names several servers; want one, the primary: a replica may be behind")
	case t.Database == "":
		return errors.New("names no database")
	case t.User == "":
		return errors.New("names no user; want one with a password of its own")
	}
	return nil
}

// common reads what the engines with a server call nearly the same.
func common(p pairs) (Target, error) {
	t := Target{
		Host:     p.first("server", "host", "datasource", "address", "addr", "networkaddress"),
		Database: p.first("database", "initialcatalog", "db"),
		User:     p.first("userid", "username", "user", "uid"),
		Password: secret.Text(p.first("password", "pwd", "psw")),
	}
	var err error
	t.Port, err = port(p.first("port"))
	return t, err
}

// port reads a port, 0 for "".
func port(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || number == 0 {
		return 0, errors.New("has a port that is none; want a number from 1 to 65535")
	}
	return int(number), nil
}

// isTrue reads a switch as the drivers do.
func isTrue(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "1":
		return true, nil
	case "", "false", "no", "0":
		return false, nil
	}
	return false, errors.New("has a switch that is neither true nor false")
}

// mode reads a word of a driver that folds like a key.
func mode(words map[string]Mode, text string) (Mode, error) {
	found, ok := words[fold(text)]
	if !ok {
		return 0, errors.New("asks for an SSL mode or encryption that is unknown")
	}
	return found, nil
}
