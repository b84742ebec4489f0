package tracing_test

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/sponsorsync/sponsorsync/internal/tracing"
)

const (
	parent  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
)

func TestAContextIsHandedOnByWhoRecordsNothing(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"": "", parent: parent, "00-0-0-01": "", "nonsense": ""} {
		ctx, end := tracing.Begin(tracing.Under(t.Context(), given), nil, tracing.Span{Name: "x"})
		end(nil)
		if got := tracing.Parent(ctx); got != want {
			t.Errorf("under %q: got %q, want %q", given, got, want)
		}
	}
	if got := tracing.ID(tracing.Under(t.Context(), parent)); got != traceID {
		t.Errorf("got %q", got)
	}
	if got := tracing.ID(context.Background()); got != "" {
		t.Errorf("without a trace: got %q", got)
	}
}

func TestASpanHasItsParentAndItsFailure(t *testing.T) {
	t.Parallel()
	kept := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(kept))
	ctx, end := tracing.Begin(tracing.Under(t.Context(), parent), provider, tracing.Span{Name: "redeem", Kind: trace.SpanKindConsumer})
	end(errors.New("the cloud is away"))
	span := kept.Ended()[0]
	if span.Parent().TraceID().String() != traceID || !span.Parent().IsRemote() || span.SpanKind() != trace.SpanKindConsumer ||
		span.Status().Code != codes.Error || span.Status().Description != "the cloud is away" {
		t.Errorf("got %+v", span)
	}
	if got := tracing.Parent(ctx); got == parent || got[:36] != parent[:36] {
		t.Errorf("what is below it gets %q", got)
	}
}
