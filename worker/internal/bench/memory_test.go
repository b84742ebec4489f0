package bench_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// BenchmarkMemory is what a sponsorship takes in Redis that the cloud knows: its row
// and its places in the indexes.
func BenchmarkMemory(b *testing.B) {
	for _, rows := range []int{size(10_000), size(100_000), 1_000_000} {
		if rows == 1_000_000 && os.Getenv("BENCH_HUGE") == "" {
			continue
		}
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			for b.Loop() {
				s := newStore(b)
				before := s.memory(b)
				s.seed(b, organization(0), rows)
				b.ReportMetric(float64(s.memory(b)-before)/float64(rows), "B/row")
				silent(b)
			}
		})
	}
}

// memory is what Redis has allocated.
func (s *store) memory(b *testing.B) int64 {
	b.Helper()
	text, err := s.rdb.Info(b.Context(), "memory").Result()
	jobstest.Must(b, err)
	_, after, _ := strings.Cut(text, "used_memory:")
	value, _, _ := strings.Cut(after, "\r\n")
	n, err := strconv.ParseInt(value, 10, 64)
	jobstest.Must(b, err)
	return n
}
