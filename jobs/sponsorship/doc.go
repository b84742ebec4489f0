// Package sponsorship is the domain: one member's free Families sponsorship,
// the statuses it goes through, and the two pure functions that move it.
//
// [Decide] answers what a person asked for (a redeem, a change, a revocation), or
// takes over what another program has begun.
// [Plan] and [Apply] are the two halves of talking to the cloud: what to send
// for a sponsorship, and what the cloud's answer makes of it. Between the two,
// [Outgoing.Marked] must be stored: it says that a request has left, which is
// what makes a lost answer harmless.
//
//	        redeem             row                  row with validUntil
//	(none) ───────► pending ─────────► sent ───────────────────────► redeemed
//	                 ▲  │ left out of    │ change, revoke              │ change, revoke
//	                 │  ▼ a 200          ▼                             ▼
//	                 refused          pending ◄────────────────────────┘
//	                                     │ tombstone: removed │ still redeemed
//	                                     ▼                    ▼
//	                                  removed ◄────────── expiring
//
// A redeemed sponsorship that is more than 30 days past its end is expired.
//
// The package imports the standard library and the fault codes only. It never
// reads a clock, does no I/O, and knows nothing of Redis, HTTP or queues.
package sponsorship
