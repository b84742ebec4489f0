package vaulttest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Engine is a database engine that tests can run, by the name that the server's
// settings have for it.
type Engine string

// The engines. There is no SQL Server here; see Manners.
const (
	PostgreSQL Engine = "postgresql"
	MariaDB    Engine = "mysql"
	SQLite     Engine = "sqlite"
)

// Engines lists them.
func Engines() []Engine { return []Engine{SQLite, PostgreSQL, MariaDB} }

// dialect is what an engine does its own way.
type dialect struct {
	driver       string
	quoteMark    string
	prepare      []string // before the first table
	tableOptions string
	numbered     bool // parameters are $1, $2; otherwise all are ?
	collate      func(collation string) string
	read         func(column string) string
	id           func(string) string // as it is stored
	date         func(time.Time) string
	isolation    string // as the facts name it at BEGIN
}

func (e Engine) dialect() dialect {
	switch e {
	case PostgreSQL:
		return postgresql()
	case MariaDB:
		return mariadb()
	case SQLite:
		return sqlite()
	}
	panic(fmt.Sprintf("no engine %q", e))
}

func postgresql() dialect {
	return dialect{
		driver: "pgx", quoteMark: `"`, numbered: true, isolation: " ReadCommitted",
		prepare: []string{`CREATE COLLATION "postgresIndetermanisticCollation" (provider = icu, locale = 'en-u-ks-primary', deterministic = false)`},
		collate: func(name string) string { return `COLLATE "` + name + `"` },
		read:    func(column string) string { return column + "::text" },
		id:      strings.ToLower,
		date:    func(t time.Time) string { return cut(t, time.Microsecond).Format("2006-01-02 15:04:05.999999+00") },
	}
}

func mariadb() dialect {
	return dialect{
		driver: "mysql", quoteMark: "`", tableOptions: " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
		prepare: []string{"ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"},
		collate: func(name string) string { return "COLLATE " + name },
		read:    func(column string) string { return column },
		id:      strings.ToLower,
		date:    func(t time.Time) string { return cut(t, time.Microsecond).Format("2006-01-02 15:04:05.000000") },
	}
}

func sqlite() dialect {
	return dialect{
		driver: "sqlite", quoteMark: `"`, isolation: " Serializable",
		read: func(column string) string { return column },
		id:   strings.ToUpper,
		date: func(t time.Time) string { return cut(t, 100*time.Nanosecond).Format("2006-01-02 15:04:05.9999999") },
	}
}

// cut drops what the engine can't hold, as the server does: it never rounds.
func cut(t time.Time, unit time.Duration) time.Time { return t.UTC().Truncate(unit) }

func (d dialect) quote(name string) string { return d.quoteMark + name + d.quoteMark }

func (d dialect) quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = d.quote(name)
	}
	return strings.Join(quoted, ", ")
}

func (d dialect) param(number int) string {
	if d.numbered {
		return "$" + strconv.Itoa(number)
	}
	return "?"
}
