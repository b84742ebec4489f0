package bridge_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
	"github.com/sponsorsync/sponsorsync/worker/workertest"
)

// BenchmarkFromClickToMail takes the time from the moment when a member's offer stands in the
// vault to the mail that the cloud sends, with both programs as processes at their default settings and a
// cloud that takes 50 ms: a hundred members, a second and a half apart on average.
func BenchmarkFromClickToMail(b *testing.B) {
	for _, engine := range vaulttest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			s := click(b, engine)
			for b.Loop() {
				took := s.hundred()
				b.ReportMetric(took[49].Seconds(), "p50-s")
				b.ReportMetric(took[94].Seconds(), "p95-s")
				b.ReportMetric(took[99].Seconds(), "max-s")
				b.ReportMetric(0, "ns/op") // means nothing here
			}
		})
	}
}

// clicks is a whole installation.
type clicks struct {
	b     *testing.B
	vault *vaulttest.Vault
	cloud workertest.Online
	org   string
	env   []string
	bin   string
	made  int
}

func click(b *testing.B, engine vaulttest.Engine) *clicks {
	b.Helper()
	s := &clicks{b: b, vault: vaulttest.New(b, engine, vaulttest.Setup{}), cloud: workertest.NewOnline(b, 50*time.Millisecond), bin: b.TempDir()}
	const module = "github.com/sponsorsync/sponsorsync/"
	if out, err := exec.Command("go", "build", "-o", s.bin+"/", module+"worker", module+"producer").CombinedOutput(); err != nil {
		b.Fatalf("build the programs: %v\n%s", err, out)
	}
	s.org = jobstest.Value(s.vault.Found(b.Context(), vaulttest.Organization{Name: "Acme", LicenseKey: "KEY"}))(b)
	jobstest.Must(b, s.vault.SaveToken(b.Context(), s.org, s.cloud.Organization.BillingSyncKey, s.cloud.Organization.ID))
	redis, nats := jobstest.RealRedis(b), jobstest.RealNATS(b)
	engines := map[vaulttest.Engine]string{vaulttest.PostgreSQL: "postgreSql", vaulttest.MariaDB: "mySql", vaulttest.SQLite: "sqlite"}
	s.env = append([]string{
		"HOME=" + b.TempDir(), "REDIS_URL=" + redis.URL, "NATS_URL=" + nats.URL, "SPONSORSYNC_API_TOKEN=" + strings.Repeat("0123456789", 4),
		"SPONSORSYNC_ENCRYPTION_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "SPONSORSYNC_BRIDGE=read",
		"SPONSORSYNC_LISTEN=127.0.0.1:0", "SPONSORSYNC_WORKER_LISTEN=127.0.0.1:0", "SPONSORSYNC_LICENSE_DIR=" + b.TempDir(),
		"globalSettings__databaseProvider=" + s.vault.Provider(),
		"globalSettings__" + engines[engine] + "__connectionString=" + s.vault.ConnectionString(),
	}, s.cloud.Environment...)
	s.run("worker")
	s.run("producer", "serve")
	s.begin(redis.URL)
	return s
}

// begin waits until the bridge has taken the organization over, and starts the first sync.
func (s *clicks) begin(redisURL string) {
	s.b.Helper()
	rdb := jobstest.Value(enqueue.NewRedis(redisURL))(s.b)
	s.b.Cleanup(func() { jobstest.Must(s.b, rdb.Close()) })
	ledger := state.New(rdb, nil)
	jobstest.Eventually(s.b, jobstest.Timeout, func() bool {
		o, _, err := ledger.Organization(s.b.Context(), sponsorship.ID(s.org))
		return err == nil && o.Connected && o.FromVault
	})
	cmd := exec.Command(filepath.Join(s.bin, "producer"), "sync", "--org", s.org, "--official-job-off", "--wait")
	cmd.Env = s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		s.b.Fatalf("first sync: %v\n%s", err, out)
	}
}

// run starts a program; it is stopped when the benchmark ends.
func (s *clicks) run(name string, args ...string) {
	s.b.Helper()
	var log bytes.Buffer
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, &log, &log
	jobstest.Must(s.b, cmd.Start())
	s.b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			s.b.Errorf("%s: %v\n%s", name, err, log.String())
		}
	})
}

// hundred lets as many members offer, and returns how long each mail took, shortest first.
func (s *clicks) hundred() (took []time.Duration) {
	s.b.Helper()
	offered := map[string]time.Time{}
	for range 100 {
		s.made++
		member, _, err := s.vault.Join(s.b.Context(), s.org, vaulttest.Person{
			Name: "Mia", Email: fmt.Sprintf("member%d@acme.example", s.made), Role: vaulttest.Member,
		})
		jobstest.Must(s.b, err)
		address := fmt.Sprintf("home%d@example.com", s.made)
		jobstest.Must(s.b, s.vault.Offer(s.b.Context(), vaulttest.ByWebVault(member, address)))
		offered[address] = time.Now()
		time.Sleep(rand.N(3 * time.Second)) // members know nothing of each other
	}
	jobstest.Eventually(s.b, jobstest.Timeout, func() bool { return len(s.cloud.Mails()) >= s.made })
	for _, mail := range s.cloud.Mails() {
		if at, ours := offered[mail.To]; ours {
			took = append(took, mail.At.Sub(at))
		}
	}
	slices.Sort(took)
	if len(took) != 100 {
		s.b.Fatalf("%d mails for 100 offers", len(took))
	}
	return took
}
