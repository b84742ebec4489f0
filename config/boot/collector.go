package boot

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes spans by OTLP over HTTP, as protobuf (opentelemetry.io, OTLP 1.x, section
// OTLP/HTTP). OpenTelemetry's own client links all of gRPC, which doubles the worker; what it
// adds, to repeat what failed, is not needed: a span that is lost is lost.
type collector struct {
	url     string
	headers map[string]string
	client  *http.Client
}

const (
	collectorTimeout = 10 * time.Second // OTLP's default
	mostOfAnswer     = 1 << 10          // what an error may quote
)

func newCollector(url string, headers map[string]string) *collector {
	return &collector{url, headers, &http.Client{
		Timeout: collectorTimeout,
		// A redirect would carry the headers to somewhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Start implements [otlptrace.Client]; there is nothing to start.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements [otlptrace.Client].
func (c *collector) Stop(context.Context) error {
	c.client.CloseIdleConnections()
	return nil
}

// UploadTraces implements [otlptrace.Client]. TracesData is on the wire what the service's
// request is.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	res, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, mostOfAnswer))
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("send spans to %s: it answers %s: %.200q", req.URL.Redacted(), res.Status, answer)
	}
	return nil
}
