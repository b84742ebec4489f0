// Package memory keeps what the bridge remembers of each organization in Redis,
// beside its ledger: which row of the vault became which sponsorship, and how the row looked
// when it was last carried out. It also keeps the lease under which one bridge works
// at a time, and what people see of it.
//
// Addresses and names are kept as digests alone, under a key of the organization's own
// that is sealed with SPONSORSYNC_ENCRYPTION_KEY. That key is made once, and lost
// together with what it is for.
//
// The lease spares work; it is not what keeps two bridges from harm. Each write names
// the state that it was decided on, and one that was overtaken is refused.
//
// The package decides nothing about rows, and reads no database.
package memory
