// Package hook is the HTTP API: what an admin console, a script or a
// neighboring system calls to enqueue jobs and to read what became of them.
//
// [API] holds the routes, and [Hub] feeds every open event stream of the process
// from a single reader of JetStream. Who may come in is for package access, what
// is shown for package view.
// openapi.yaml describes it all, is served as it is, and is held against the
// real answers by the tests.
//
// When Redis does not answer, the caller is told so within two seconds (see
// [Bound]): a hook that hangs is worse than one that fails, since whoever sends
// it has a timeout of its own and will send it again.
//
// The package validates and passes on. It runs no job, calls no cloud, renders
// no page, and decides nothing about a sponsorship. No answer, log line or
// metric of it holds a token; addresses stand only where a signed-in reader asks
// for sponsorships.
package api
