package bench_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// BenchmarkSize is what a worker takes before there is any work: room on the
// disk, time until the first job is done, and, once idle, memory, processor and
// Redis. The bare worker is asynq with a handler that does nothing.
func BenchmarkSize(b *testing.B) {
	for b.Loop() {
		sizes(b, "ours", ourProgram)
		sizes(b, "bare", bareProgram)
		starts(b)
		idles(b)
		silent(b)
	}
}

func sizes(b *testing.B, name, program string) {
	b.Helper()
	for unit, stripped := range map[string]bool{"-MiB": false, "-stripped-MiB": true} {
		file, err := os.Stat(build(b, program, stripped))
		jobstest.Must(b, err)
		b.ReportMetric(float64(file.Size())/(1<<20), name+unit)
	}
}

// candidate is a worker on a Redis of its own.
type candidate struct {
	*store
	path string
	env  settings
	args []string
}

func candidates(b *testing.B) (ours, bare candidate) {
	b.Helper()
	ours = candidate{store: newStore(b), path: build(b, ourProgram, false)}
	ours.env = settingsOf(b, ours.store, jobstest.RealNATS(b), (&echo{}).start(b))
	bare = candidate{store: newStore(b), path: build(b, bareProgram, false)}
	bare.args = []string{bare.server.URL, string(jobs.QueueIntake)}
	return ours, bare
}

// starts reports the median time from the start of the process until a job that
// was waiting is done.
func starts(b *testing.B) {
	b.Helper()
	ours, bare := candidates(b)
	var x, y []float64
	for range 5 {
		x, y = append(x, ours.start(b)), append(y, bare.start(b))
	}
	b.ReportMetric(quantile(x, 0.5), "ours-start-ms")
	b.ReportMetric(quantile(y, 0.5), "bare-start-ms")
}

func (c candidate) start(b *testing.B) float64 {
	b.Helper()
	c.empty(b)
	jobstest.Must(b, c.enqueueRedeems(b.Context(), 1))
	began := time.Now()
	p := run(b, c.path, c.env, c.args...)
	await(b, time.Millisecond, func() bool {
		return c.completed(b) == 1
	})
	took := time.Since(began)
	p.stop()
	return float64(took.Microseconds()) / 1000
}

// idles reports what the workers take while there is nothing to do.
func idles(b *testing.B) {
	b.Helper()
	ours, bare := candidates(b)
	for name, c := range map[string]candidate{"ours": ours, "bare": bare} {
		p := run(b, c.path, c.env, c.args...)
		rest(b, 3*time.Second) // the start is over
		cpu, commands := p.cpu(), c.commands(b)
		period := time.Duration(size(20)) * time.Second
		rest(b, period)
		b.ReportMetric(100*float64(p.cpu()-cpu)/float64(period), name+"-idle-cpu-%")
		b.ReportMetric(float64(c.commands(b)-commands)/period.Seconds(), name+"-idle-redis-cmds/s")
		b.ReportMetric(p.memory("VmRSS"), name+"-idle-MiB")
		b.ReportMetric(c.pickUp(b), name+"-pick-up-p95-ms")
		p.stop()
	}
}

// pickUp returns how long a job takes, at the 95th percentile, that comes to a worker
// which has had nothing to do: until it is done.
func (c candidate) pickUp(b *testing.B) float64 {
	b.Helper()
	var took []float64
	for n := range size(60) {
		rest(b, time.Duration(300+50*(n%10))*time.Millisecond)
		before := c.completed(b)
		began := time.Now()
		_, err := c.jobs.Enqueue(b.Context(), redeemOf(n))
		jobstest.Must(b, err)
		await(b, time.Millisecond, func() bool { return c.completed(b) > before })
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	return quantile(took, 0.95)
}

func (c candidate) completed(b *testing.B) int64 {
	b.Helper()
	return c.rdb.ZCard(b.Context(), "asynq:{intake}:completed").Val()
}

// rest lets the machine alone, which is what is measured.
func rest(b *testing.B, d time.Duration) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), d)
	defer cancel()
	<-ctx.Done()
}

// commands returns how many commands this Redis has carried out, those within
// scripts included.
func (c candidate) commands(b *testing.B) (calls int64) {
	b.Helper()
	text, err := c.rdb.Info(b.Context(), "commandstats").Result()
	jobstest.Must(b, err)
	for line := range strings.Lines(text) {
		_, after, found := strings.Cut(line, "calls=")
		if !found {
			continue
		}
		count, _, _ := strings.Cut(after, ",")
		n, _ := strconv.ParseInt(count, 10, 64)
		calls += n
	}
	return calls
}
