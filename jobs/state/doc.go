// Package state is the ledger in Redis as whoever looks at it needs it:
// organizations, their sponsorships and connections. A hook, a status page or a
// bridge reads here; the one thing that it writes is a connection.
//
// What becomes of a sponsorship is written by the worker alone, in a package that
// the compiler keeps to it. Both sides agree here on the names of the keys
// ([Keys]), on the head of every Lua script ([Script]) and on the form of a
// record ([EncodeRow]).
//
// All keys of an organization share the hash tag {NN} with its shard's outbox,
// so that a script touches one slot of a Redis cluster. Lists are read in pages:
// an organization may hold a hundred thousand sponsorships.
//
// The package knows records and bytes. It never decides what becomes of a
// sponsorship, and never calls the cloud.
package state
