// Package record is what is kept of a job beside the queue: its place among the
// jobs of its sponsorship, and how it ended if it did not end well.
//
// The queue forgets: it keeps ten thousand dead jobs and drops the oldest without
// a word, and it knows no order. So a job that must wait for others is stamped
// here before it is put into the queue, and one that dies is written here before
// the queue gives it up.
//
// A record lies in the slot of its organization, so that one script ends the job
// and stores what it did (worker/internal/ledger). Fields that this version does
// not know stay as they are.
//
// The arguments of a dead job hold an address, like a payload in the queue. They
// are kept only to run the job again, and only until [Store.Forget]. The package
// runs nothing and puts nothing into the queue.
package record
