// Package health says in one look whether the whole works: stores, workers, the
// scheduler, queues, the bounds that nothing may reach, the cloud, the bridge and the
// organizations. The command line, the HTTP API, the status page and whoever alerts
// show one and the same [Report].
//
// [Judge] is pure: what it knows is in [Facts], and [Look] gathers them. The package
// only reads, and no text of it holds an address, a token or a key.
package health
