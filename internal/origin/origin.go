// Package origin says who asks for a job. It travels in a context from whoever
// enqueues to the job's record, and from the record to the handler; never in the
// arguments of a job.
//
// Only programs of this module can import it. So a hook, the command line or a Go
// program of somebody else's cannot pose as the bridge, whose word is the vault's.
package origin

import "context"

// Origin is who asks. It is stored, so the texts never change.
type Origin string

// The origins.
const (
	Elsewhere Origin = ""               // a hook, the command line, a Go program
	Bridge    Origin = "bridge"         // the vault of the self-hosted server
	Undated   Origin = "bridge undated" // the same, of a row of which nobody knows whether the cloud was told
)

// Vault reports whether the vault asks.
func (o Origin) Vault() bool { return o == Bridge || o == Undated }

type key struct{}

// With returns a context in which o asks.
func With(ctx context.Context, o Origin) context.Context { return context.WithValue(ctx, key{}, o) }

// WithBridge returns a context in which the bridge asks.
func WithBridge(ctx context.Context) context.Context { return With(ctx, Bridge) }

// WithUndated returns a context in which the bridge asks, about a row without a date.
func WithUndated(ctx context.Context) context.Context { return With(ctx, Undated) }

// Of returns who asks.
func Of(ctx context.Context) Origin {
	o, _ := ctx.Value(key{}).(Origin)
	return o
}
