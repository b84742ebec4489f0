// Package tracing carries a W3C trace context from one program to the next, past the
// queue, the outbox and NATS, and times what is done on the way as spans.
//
// Without a provider it records nothing and still hands the context on, as the
// standard asks of those who do not trace. It never decides where spans go (config/boot
// does), and puts nothing into one but ids, names, codes and error texts.
package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Scope names us in every span.
const Scope = "github.com/sponsorsync/sponsorsync"

// Header is the name of a trace context in HTTP, in a job's headers, and in an event.
const Header = "traceparent"

// Parent returns the traceparent of the span that ctx is in, or "".
func Parent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[Header]
}

// Under returns ctx within the span of a traceparent. One that is none is left out.
func Under(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{Header: traceparent})
}

// ID returns the id of the trace that ctx is in, for log lines, or "".
func ID(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		return span.TraceID().String()
	}
	return ""
}

// Span is what is to be timed.
type Span struct {
	Name  string
	Kind  trace.SpanKind
	Attrs []attribute.KeyValue
	Began time.Time // zero is now
}

// Begin starts a span below that of ctx. Call end with how it went. A nil provider
// records nothing.
func Begin(ctx context.Context, provider trace.TracerProvider, s Span) (within context.Context, end func(error)) {
	if provider == nil {
		return ctx, func(error) {}
	}
	ctx, span := provider.Tracer(Scope).Start(ctx, s.Name, trace.WithSpanKind(s.Kind), trace.WithAttributes(s.Attrs...), trace.WithTimestamp(s.Began))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}
