// Package metricsdoc holds the documented metrics against what a program exports:
// dashboards and alerts go by these names. Only tests use it.
package metricsdoc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Document is where the table stands, from the top of the module.
const Document = "scripts/prometheus/METRICS.md"

// Metric is one row of the table.
type Metric struct {
	Name, Type, Help string
	Labels, Programs []string
}

// Programs that export metrics.
const (
	Worker = "worker" // go run ./worker
	Serve  = "serve"  // go run ./producer serve
	Bridge = "bridge" // go run ./producer bridge, and serve where it runs the bridge
)

// Root is the top of the module.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("no go.mod above the test: %v", err)
	return ""
}

var row = regexp.MustCompile("(?m)^\\| `(sponsorsync_[a-z_]+)` \\| (counter|gauge|histogram) \\| ([^|]*) \\| ([^|]*) \\| (.*) \\|$")

// Read returns the rows of the table.
func Read(t testing.TB) []Metric {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(t), Document))
	if err != nil {
		t.Fatal(err)
	}
	var all []Metric
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		all = append(all, Metric{Name: m[1], Type: m[2], Labels: words(m[3]), Programs: words(m[4]), Help: m[5]})
	}
	if rows := strings.Count(string(text), "| `sponsorsync_"); rows == 0 || rows != len(all) {
		t.Fatalf("%d of the %d rows of %s have the form of one", len(all), rows, Document)
	}
	return all
}

func words(cell string) []string {
	all := strings.FieldsFunc(strings.ReplaceAll(cell, "`", ""), func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(all)
	return all
}

// Check holds the rows of one program against a scrape in which each of its metrics has a value.
func Check(t testing.TB, program string, scrape []byte) {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(scrape))
	if err != nil {
		t.Fatalf("read the metrics of %s: %v", program, err)
	}
	var want, got []string
	for _, m := range Read(t) {
		if slices.Contains(m.Programs, program) {
			want = append(want, line(m))
		}
	}
	for name, family := range families {
		if strings.HasPrefix(name, "sponsorsync_") {
			got = append(got, line(exported(name, family)))
		}
	}
	for _, l := range missing(want, got) {
		t.Errorf("%s documents what %s does not export:\n\t%s", Document, program, l)
	}
	for _, l := range missing(got, want) {
		t.Errorf("%s lacks what %s exports:\n\t%s", Document, program, l)
	}
}

func exported(name string, family *dto.MetricFamily) Metric {
	m := Metric{Name: name, Type: strings.ToLower(family.GetType().String()), Help: family.GetHelp()}
	for _, label := range family.GetMetric()[0].GetLabel() {
		m.Labels = append(m.Labels, label.GetName())
	}
	slices.Sort(m.Labels)
	return m
}

func line(m Metric) string {
	return fmt.Sprintf("| `%s` | %s | %s | %s |", m.Name, m.Type, strings.Join(m.Labels, ", "), m.Help)
}

// missing returns what is in all, and not in among.
func missing(all, among []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(l string) bool { return slices.Contains(among, l) })
}
