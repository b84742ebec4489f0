// Package state is the ledger in Redis as whoever looks at it needs it:
// organizations, their sponsorships and connections. A hook, a status page or a
// bridge reads here. It writes two things: a connection, and that something is to be
// forgotten.
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
// Everything that is stored carries a version: records, connections, entries of
// the outbox. A new member does not raise it: a program keeps the members of a
// record that it does not know ([sponsorship.Sponsorship.Unknown]). It is raised
// when an older program would misread the rest; such a one gets [ErrNewer], and
// neither reads nor writes what it is about. So while versions are mixed, a sync
// or a job that meets a newer record is retried until a newer worker has it.
//
// The package knows records and bytes. It never decides what becomes of a
// sponsorship, and never calls the cloud.
package state
