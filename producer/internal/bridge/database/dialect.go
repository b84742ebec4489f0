package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

// dialect is all that one engine does its own way. Nothing in it keeps a state:
// what has to be kept is in Database.
type dialect struct {
	syntax

	// connect returns what opens sessions, with their time-outs set: a lock is waited
	// for a second at most, a statement runs for statementLimit at most. With
	// readOnly the sessions themselves refuse to write.
	connect func(target connstring.Target, readOnly bool) (driver.Connector, error)
	// inspect lists what there is of the tables and what the user may do there.
	inspect func(context.Context, *sql.Conn) (catalog, error)
	// ask asks the cheapest question that tells whether anything changed at all. It
	// gets one and the same session as long as that lives.
	ask func(context.Context, *sql.Conn, layout) (answer, error)
	// explain says what an error of the driver means.
	explain func(error) cause
}

// answer is what the cheap question gave. Two equal settled answers of one session
// mean that nothing changed between them.
type answer struct {
	text    string
	settled bool // false: a change may still come that leaves the answer as it is
}

// cause is what an error of a driver means for us.
type cause int

const (
	away      cause = iota // no connection, refused, too slow: try again, on another session
	busy                   // somebody else holds a lock, or the server broke a deadlock: try again
	noColumn               // a table or column that a statement names is not there
	noGrant                // the user lacks a right
	noSuch                 // noColumn or noGrant: this engine does not tell which
	forbidden              // it will not work before somebody changes something: the message says what
)

// syntax is how an engine's statements are written. Every column is named by its
// plain name and comes out as the same kind of value on each engine.
type syntax struct {
	userColumn string                                 // how the member's id is called in the table of sponsorships
	history    column                                 // where the newest migration stands
	extra      []column                               // columns that this engine alone uses
	since      map[string]string                      // by "table.column": the first migration with it; only where the catalog hides columns
	quote      func(name string) string               // a table's or column's name
	param      func(number int) string                // the placeholder of a parameter, from 1
	bindID     func(id string) any                    // a lower-case id as a parameter
	readID     func(column string) string             // an id as text of any case
	readText   func(column string) string             // a text byte by byte
	readFlag   func(column string) string             // a flag as 0 or 1
	readDate   func(column string) string             // a date as text "yyyy-MM-dd HH:mm:ss.fffffff" in UTC, or what stands there instead
	sameText   func(expression, param string) string  // a condition: two texts are the same, byte by byte
	flag       func(set bool) string                  // a flag to be written
	bindDate   func(time.Time) any                    // a date in UTC to be written, of no more than microseconds
	print      func(table string, read layout) string // a SELECT of organization and fingerprint, any number of lines per organization
	grant      func(grant) string                     // the statement that gives a right
}
