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
	return int64(s.info(b, "memory", "used_memory"))
}

// info is a figure that Redis tells of itself.
func (s *store) info(b *testing.B, section, name string) float64 {
	b.Helper()
	text, err := s.rdb.Info(b.Context(), section).Result()
	jobstest.Must(b, err)
	_, after, _ := strings.Cut(text, name+":")
	value, _, _ := strings.Cut(after, "\r\n")
	n, err := strconv.ParseFloat(value, 64)
	jobstest.Must(b, err)
	return n
}

// work is what Redis has done, by its own account: commands, those inside scripts too, bytes
// on the line, and the time of its main thread.
type work struct{ commands, bytes, seconds float64 }

func (s *store) work(b *testing.B) work {
	b.Helper()
	return work{
		commands: s.info(b, "stats", "total_commands_processed"),
		bytes:    s.info(b, "stats", "total_net_input_bytes") + s.info(b, "stats", "total_net_output_bytes"),
		seconds:  s.info(b, "cpu", "used_cpu_user_main_thread") + s.info(b, "cpu", "used_cpu_sys_main_thread"),
	}
}

// reportSince reports what Redis has done for each of n jobs.
func (w work) reportSince(b *testing.B, s *store, n int) {
	b.Helper()
	now := s.work(b)
	b.ReportMetric((now.commands-w.commands)/float64(n), "commands/job")
	b.ReportMetric((now.bytes-w.bytes)/float64(n), "B/job")
	b.ReportMetric((now.seconds-w.seconds)/float64(n)*1e6, "redis-µs/job")
}
