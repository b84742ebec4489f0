// Package console is the status page: what the guide's billing page shows (last
// sync, next sync, the buttons), and what it lacks: what waits, what failed, and
// what to do about it.
//
// Pages are rendered here, by html/template, and are complete without
// JavaScript. static/page.js only asks for the same page again when an event
// says that something changed, and swaps the parts that are marked data-live. All
// files are embedded; a strict Content-Security-Policy allows nothing else, from
// nowhere else.
//
// The package reads the ledger and enqueues the two jobs that have a button. It
// never changes a sponsorship, never shows a token, and leaves who may come in to
// package access.
package console
