package boot

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/sponsorsync/sponsorsync/config"
)

// flushFor bounds how long a program that ends waits for the collector.
const flushFor = 3 * time.Second

// Traces returns where a program's spans go, or nil where nobody traces, and what
// to call before the program ends, for the last of them. A collector that is away
// costs its spans, and nothing else.
func Traces(c config.Traces, service string, log zerolog.Logger) (provider trace.TracerProvider, flush func(), err error) {
	if c.Disabled || c.Exporter == "none" || c.Endpoint == "" && c.URL == "" {
		return nil, func() {}, nil
	}
	headers, err := pairs(c.Headers.Reveal())
	if err != nil {
		return nil, nil, refused("OTEL_EXPORTER_OTLP_HEADERS", err)
	}
	about, err := about(c, service)
	if err != nil {
		return nil, nil, err
	}
	url := cmp.Or(c.URL, strings.TrimSuffix(c.Endpoint, "/")+"/v1/traces")
	exporter := otlptrace.NewUnstarted(newCollector(url, headers))
	traces := sdk.NewTracerProvider(sdk.WithBatcher(&exporting{SpanExporter: exporter, log: log}), sdk.WithResource(about))
	return traces, func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushFor)
		defer cancel()
		if err := traces.Shutdown(ctx); err != nil {
			log.Warn().Err(err).Msg("the last spans did not reach the collector")
		}
	}, nil
}

// about is what every span says of the program.
func about(c config.Traces, service string) (*resource.Resource, error) {
	more, err := pairs(c.Resource)
	if err != nil {
		return nil, refused("OTEL_RESOURCE_ATTRIBUTES", err)
	}
	facts := map[string]string{"service.name": service, "service.version": Version()}
	for name, value := range more {
		facts[name] = value
	}
	if c.Service != "" {
		facts["service.name"] = c.Service
	}
	var attributes []attribute.KeyValue
	for name, value := range facts {
		attributes = append(attributes, attribute.String(name, value))
	}
	return resource.NewSchemaless(attributes...), nil
}

// pairs reads name=value, separated by commas and percent-encoded, as the standard has it.
func pairs(text string) (map[string]string, error) {
	found := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			return nil, fmt.Errorf("entry %d is not name=value", len(found)+1)
		}
		found[name] = value
	}
	return found, nil
}

// exporting says in the log when the collector fails, and when it is back.
type exporting struct {
	sdk.SpanExporter
	log     zerolog.Logger
	failing atomic.Bool
}

// ExportSpans implements [sdk.SpanExporter]. Its errors end here: the SDK would print them.
func (e *exporting) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch was := e.failing.Swap(err != nil); {
	case err != nil && !was:
		e.log.Warn().Err(err).Int("spans", len(spans)).Msg("the collector of traces takes none: see OTEL_EXPORTER_OTLP_ENDPOINT; spans are dropped until it does, and everything else goes on")
	case err == nil && was:
		e.log.Info().Msg("the collector of traces takes spans again")
	}
	return nil
}
