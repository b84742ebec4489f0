package database_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest/servers"
)

// A large server: 100,000 sponsorships in 50 organizations.
const (
	neighborOrganizations = 50
	neighborRows          = 2000
)

// neighborhood is a large server with a bridge beside it.
type neighborhood struct {
	*testing.B
	vault  *vaulttest.Vault
	orgs   []string
	rows   []any // their ids, as they are stored
	reader *database.Database
	clock  *clock
	random *rand.Rand
}

func neighbors(b *testing.B, test func(*neighborhood)) {
	for _, engine := range vaulttest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			n := &neighborhood{
				B: b, vault: vaulttest.New(b, engine, vaulttest.Setup{}),
				clock: &clock{time.Now()}, random: rand.New(rand.NewPCG(1, 1)),
			}
			for i := range neighborOrganizations {
				org := jobstest.Value(n.vault.Found(b.Context(), vaulttest.Organization{Name: fmt.Sprint("organization ", i)}))(b)
				jobstest.Must(b, n.vault.SaveToken(b.Context(), org, "TOKEN", cloudOrganization))
				jobstest.Must(b, n.vault.Fill(b.Context(), org, neighborRows))
				n.orgs = append(n.orgs, org)
			}
			for _, row := range jobstest.Value(n.vault.Records(b.Context(), "OrganizationSponsorship"))(b) {
				n.rows = append(n.rows, row["Id"])
			}
			n.reader = jobstest.Value(database.Open(database.Options{Target: target(b, n.vault), Now: n.clock.Now}))(b)
			defer func() { jobstest.Must(b, n.reader.Close()) }()
			n.look() // the first is of everything
			b.ResetTimer()
			test(n)
		})
	}
}

// look asks whether anything changed and reads what did, as a round of the bridge does.
func (n *neighborhood) look() {
	n.Helper()
	for _, org := range jobstest.Value(n.reader.Changed(n.Context()))(n) {
		_ = jobstest.Value(n.reader.Read(n.Context(), org))(n)
	}
}

// change is what a member does: one row gets another name.
func (n *neighborhood) change(ctx context.Context) error {
	_, err := n.vault.DB.ExecContext(ctx, map[vaulttest.Engine]string{
		vaulttest.PostgreSQL: `UPDATE "OrganizationSponsorship" SET "FriendlyName" = $1 WHERE "Id" = $2`,
		vaulttest.MariaDB:    "UPDATE OrganizationSponsorship SET FriendlyName = ? WHERE Id = ?",
		vaulttest.SQLite:     `UPDATE "OrganizationSponsorship" SET "FriendlyName" = ? WHERE "Id" = ?`,
	}[n.vault.Engine], fmt.Sprint("name ", n.random.Uint32()), n.rows[n.random.IntN(len(n.rows))])
	return err
}

// spent is what the database has used of the processors. SQLite runs in our own process: all of
// that is counted.
func (n *neighborhood) spent() time.Duration {
	n.Helper()
	switch n.vault.Engine {
	case vaulttest.PostgreSQL:
		return servers.CPU(n, "postgresql")
	case vaulttest.MariaDB:
		return servers.CPU(n, "mariadb")
	}
	var usage syscall.Rusage
	jobstest.Must(n, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// An hour of a bridge, in fast motion (but for MariaDB, below): 720 looks, 60 changes by members, everything read anew each
// five minutes. The share is of one core, averaged over the hour.
func BenchmarkShareOfTheDatabase(b *testing.B) {
	neighbors(b, func(n *neighborhood) {
		for range b.N {
			var looking time.Duration
			for second := range 3600 {
				n.clock.now = n.clock.now.Add(time.Second)
				if second%60 == 30 {
					jobstest.Must(b, n.change(b.Context()))
					if n.vault.Engine == vaulttest.MariaDB {
						// It tells to the second when a table was written, and is asked for
						// fingerprints until that second is over: once, where looks are 5 s apart.
						time.Sleep(2 * time.Second)
					}
				}
				if second%5 == 0 {
					before := n.spent()
					n.look()
					looking += n.spent() - before
				}
			}
			n.ReportMetric(100*looking.Seconds()/3600, "%core")
		}
	})
}

// How long a member's write takes while the bridge reads everything again and again, beside how
// long it takes while nobody reads.
func BenchmarkLongestWaitOfAWriter(b *testing.B) {
	neighbors(b, func(n *neighborhood) {
		for range b.N {
			var quiet, beside []time.Duration
			for range 5 {
				quiet = append(quiet, n.writes(nil)...)
				beside = append(beside, n.writes(func(ctx context.Context) {
					for _, org := range n.orgs {
						if ctx.Err() == nil {
							_ = jobstest.Value(n.reader.Read(n.Context(), sponsorship.ID(org)))(n)
						}
					}
					n.clock.now = n.clock.now.Add(5 * time.Minute)
					_ = jobstest.Value(n.reader.Changed(n.Context()))(n)
				})...)
			}
			report(n.B, "quiet", quiet)
			report(n.B, "beside", beside)
		}
	})
}

// writes makes 500 writes, one every two milliseconds, and returns how long each took.
func (n *neighborhood) writes(meanwhile func(context.Context)) (took []time.Duration) {
	ctx, stop := context.WithCancel(n.Context())
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	if meanwhile != nil {
		reading.Go(func() {
			for ctx.Err() == nil {
				meanwhile(ctx)
			}
		})
	}
	for range 500 {
		start := time.Now()
		jobstest.Must(n, n.change(ctx))
		took = append(took, time.Since(start))
		time.Sleep(2 * time.Millisecond)
	}
	return took
}

func report(b *testing.B, what string, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, what+"-p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, what+"-max-ms")
}
