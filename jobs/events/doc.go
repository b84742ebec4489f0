// Package events is what happened, said to the outside: typed CloudEvents on a
// JetStream stream, and both ends of it.
//
// A program that wants to know subscribes:
//
//	js, err := events.Connect(events.Connection{URL: "nats://127.0.0.1:4222", Name: "crm"})
//	...
//	err = events.Subscribe(ctx, js, events.Options{Durable: "crm"},
//		events.On(func(ctx context.Context, e events.Event[events.Sponsorship]) error {
//			return crm.Update(ctx, e.Data.OrganizationUserID, e.Data.To)
//		}))
//
// Every status change arrives at least once, once after dropping equal ids, and
// in the order of [Sponsorship.Revision] for one sponsorship. [Watch] is for
// eyes: it acknowledges nothing and leaves nothing behind on the server.
//
// The worker's side is [NewSponsorship], [NewSync] and [NewLicense], the
// bridge's [NewHeld] and [NewResumed], which encode; [EnsureStream], which owns the
// stream's settings; and [Publisher].
//
// The package imports nats.go, the domain and the fault codes. It never decides
// what is worth an event, never keeps state of its own, and never sees Redis,
// an address or a token.
package events
