// Package servers runs a real PostgreSQL and a real MariaDB server for tests and
// gives each test an empty database of its own, which is dropped when the test
// ends.
//
// scripts/test.sh starts the servers once for all packages. Where it did not, the
// first test of a package that asks starts its own, which end with the test's
// process, however that ends. Both need what scripts/setup.sh installs: a test that
// asks for a server that can't be started fails, it is never skipped.
//
// The servers are set to another time zone than UTC, and MariaDB to another
// character set than the vault has.
//
// It is for tests: no program may link it.
package servers
