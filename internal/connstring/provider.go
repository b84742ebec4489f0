package connstring

import (
	"errors"
	"strings"
)

// Provider reads the server's word for an engine, in any case; "" is SQL Server.
func Provider(word string) (Engine, error) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "", "sqlserver":
		return SQLServer, nil
	case "postgres", "postgresql":
		return PostgreSQL, nil
	case "mysql", "mariadb":
		return MySQL, nil
	case "sqlite":
		return SQLite, nil
	}
	return "", errors.New("want sqlserver, postgres, postgresql, mysql, mariadb or sqlite")
}
