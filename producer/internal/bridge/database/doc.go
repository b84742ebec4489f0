// Package database reads the server's own database on four engines, each a small
// dialect behind one interface. Everything that an engine does its own way (ids,
// dates, text, rights, what is cheap to ask) ends here.
//
// It never stays in a transaction, never holds a lock beyond one statement, and
// writes nothing.
package database
