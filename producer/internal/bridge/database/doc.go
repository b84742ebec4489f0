// Package database reads the server's own database on four engines, and writes single rows of
// one table there, each engine a small dialect behind one interface. Everything that an engine does its own way (ids,
// dates, text, rights, what is cheap to ask) ends here.
//
// It never stays in a transaction and never holds a lock beyond one statement. Opened for
// reading it writes nothing; otherwise nothing but what Write is asked for: three columns of a
// row, or that it is gone, and only while the row is what it was.
package database
