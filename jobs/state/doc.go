// Package state is the ledger in Redis: connections, sponsorships, what is due,
// who is syncing, and the outbox of events.
//
// Every change is one Lua script (lua/*.lua), so that a record, the indexes that
// find it and the event that announces it are stored together or not at all.
// Records are changed by compare-and-set on their revision.
//
// All keys of an organisation share the hash tag {NN} with its shard's outbox,
// so that a script touches one slot of a Redis cluster. Lists are read in pages:
// an organisation may hold a hundred thousand sponsorships.
//
// The package knows records and bytes. It never decides what becomes of a
// sponsorship, never calls the cloud, and does not know what an event means.
package state
