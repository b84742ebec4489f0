// Package bridge follows the self-hosted server's own database: it looks whether
// anything has changed there, lets package merge decide what follows, puts the jobs into the
// queue, and remembers what was carried out.
//
// It acts on what is there, never on a change alone: a look that is missed, made twice or
// made by two costs nothing. Jobs are acknowledged before anything is remembered, and have
// the same ids whoever plans them; so a bridge that is cut off in between repeats nothing.
// One bridge works at a time, however many run.
//
// It decides nothing about rows, speaks no SQL, and never calls the cloud.
package bridge
