// Package merge decides what follows from one look at the server's vault: which
// jobs to enqueue, what to remember, what to hold until a person has looked.
//
// It is a three-way merge of the row now, the row as it was last carried out, and
// the ledger. A difference between ledger and row is no wish unless the row itself has
// changed; only a row that was linked can vanish. It acts on levels, never on an
// edge alone: a look that was missed, or is made twice, changes nothing.
//
// It is pure: no clock, no database, no Redis.
package merge
