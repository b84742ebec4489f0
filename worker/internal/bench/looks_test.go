package bench_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

const (
	producerProgram = "github.com/sponsorsync/sponsorsync/producer"
	benchToken      = "an-api-token-of-the-benchmarks-1234567890"
	tooLong         = 10 * time.Millisecond // that a command may keep Redis from all others
)

// BenchmarkLooks is what people and programs look at in an organization of ever more rows,
// and a full sync of it. BENCH_GRAPH=FILE draws it, as SVG.
func BenchmarkLooks(b *testing.B) {
	sizes := []int{1_000, 10_000, 100_000}
	if os.Getenv("BENCH_HUGE") != "" {
		sizes = append(sizes, 1_000_000)
	}
	g := graph{title: "Seconds by rows of one organization"}
	for _, rows := range sizes {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			for b.Loop() {
				g.add("full sync", rows, fullSync(b, rows))
				looks(b, rows, &g)
				silent(b)
			}
		})
	}
	if path := os.Getenv("BENCH_GRAPH"); path != "" {
		jobstest.Must(b, os.WriteFile(path, g.svg(), 0o600))
	}
}

// looks asks each question five times, and takes the median; the export once.
func looks(b *testing.B, rows int, g *graph) {
	b.Helper()
	s, nats := newStore(b), jobstest.RealNATS(b)
	s.connect(b, organization(0), someOrganization())
	s.begin(b, organization(0))
	s.seed(b, organization(0), rows)
	jobstest.Must(b, s.rdb.ConfigSet(b.Context(), "slowlog-log-slower-than", fmt.Sprint(tooLong.Microseconds())).Err())
	jobstest.Must(b, s.rdb.Do(b.Context(), "slowlog", "reset").Err())
	path := build(b, producerProgram, false)
	env := append(settingsOf(b, s, nats, (&echo{}).start(b)), "SPONSORSYNC_API_TOKEN="+benchToken, "SPONSORSYNC_LISTEN="+freeAddress(b))
	run(b, path, env, "serve")
	url := "http://" + env.value("SPONSORSYNC_LISTEN")
	await(b, time.Millisecond, func() bool { return get(url+"/healthz") == nil })

	org := string(organization(0))
	for name, ask := range map[string]func() (time.Duration, float64){
		"status": func() (time.Duration, float64) {
			return command(b, path, env, "status", "--org", org, "--limit", "100")
		},
		"one member": func() (time.Duration, float64) {
			return command(b, path, env, "status", "--org", org, "--user", string(user(rows/2)))
		},
		"API page": func() (time.Duration, float64) {
			began := time.Now()
			jobstest.Must(b, get(url+"/v1/organizations/"+org+"/sponsorships?limit=100"))
			return time.Since(began), 0
		},
	} {
		var took []float64
		for range 5 {
			t, _ := ask()
			took = append(took, t.Seconds())
		}
		g.add(name, rows, quantile(took, 0.5))
		b.ReportMetric(quantile(took, 0.5)*1e3, metric(name)+"-ms")
	}
	took, peak := command(b, path, env, "export", "--org", org)
	g.add("export", rows, took.Seconds())
	b.ReportMetric(took.Seconds(), "export-s")
	b.ReportMetric(peak, "export-MiB")
	slow, err := s.rdb.SlowLogGet(b.Context(), 100).Result()
	jobstest.Must(b, err)
	worst := time.Duration(0)
	for _, entry := range slow {
		worst = max(worst, entry.Duration)
	}
	b.ReportMetric(float64(len(slow)), "over-10ms")
	b.ReportMetric(worst.Seconds()*1e3, "worst-ms")
}

func metric(name string) string {
	return map[string]string{"status": "status", "one member": "member", "API page": "page"}[name]
}

// command runs a program to its end, and returns how long that took and its peak memory in MiB.
func command(b *testing.B, path string, env settings, args ...string) (time.Duration, float64) {
	b.Helper()
	out, err := os.Create(filepath.Join(b.TempDir(), "out"))
	jobstest.Must(b, err)
	defer out.Close()
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, out, os.Stderr
	began := time.Now()
	jobstest.Must(b, cmd.Run())
	took := time.Since(began)
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return took, float64(usage.Maxrss) / 1024
}

func get(url string) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+benchToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", url, res.Status)
	}
	return err
}
