// Package cloudtest is a Bitwarden cloud in memory: identity, billing sync and
// license endpoints on one loopback listener, quirks and defects included, so
// that our tests, the devstack and a demo meet the same surprises as production.
//
// It never talks to a real cloud, never writes to disk, never logs, and must
// not be linked into the worker or the producer. All its mails stay in memory.
//
// It is faithful to the cloud's own code: routes, order of checks, how bodies
// are read, what becomes of rows and mails, what a hang-up or an overlap leaves
// behind, license checks and signatures, redemption. Where two databases differ
// it is SQL Server. It is a stand-in only, by what is documented, for the token
// endpoint (the original is a product of others), the rate limiter and the
// network edge in front of all. It knows no TLS, no payments and no vault. Texts
// about a body that is no JSON are exact for one that ends between two values,
// and otherwise only alike.
//
// Tests use the Go methods of [Cloud]. Other processes steer it over HTTP with
// JSON below /_control/, which is neither authenticated nor rate limited;
// CONTROL.md of the devstack describes every route.
//
// Comments cite PROTOCOL.md, one directory up, by section number.
package cloudtest
