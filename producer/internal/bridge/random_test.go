package bridge_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

// course is a way in which stories go.
type course struct {
	engine    vaulttest.Engine
	sqlServer bool // the manners of SQL Server
	full      bool // the bridge writes
}

func (c course) String() string {
	name := string(c.engine)
	if c.sqlServer {
		name = "sqlserver-on-" + name
	}
	if c.full {
		name += "-full"
	}
	return name
}

func courses() (all []course) {
	for _, full := range []bool{false, true} {
		for _, engine := range vaulttest.Engines() {
			all = append(all, course{engine: engine, full: full})
		}
		all = append(all, course{engine: vaulttest.SQLite, sqlServer: true, full: full})
	}
	return all
}

// Whatever the people of a real vault do, whoever is killed meanwhile, whatever is away: at
// rest, after each hold was answered, the cloud holds what the vault wishes, each offer was
// mailed once, and nothing was written to the vault; or in full, vault, ledger and cloud
// agree, and nothing was written that is not ours, or over what a member did.
//
// SEED=7 tells one story again, SPONSORSYNC_TEST_SOAK=10m tells more of them.
func TestAtRestTheCloudHoldsWhatTheVaultWishes(t *testing.T) {
	t.Parallel()
	first, last, until := seeds(t)
	for _, c := range courses() {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			for seed := first; seed < last || time.Now().Before(until) && !t.Failed(); seed++ {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { tell(t, c, seed) })
			}
		})
	}
}

// seeds are those of the stories to tell: from the first to before the last, and on until a time.
func seeds(t *testing.T) (first, last uint64, until time.Time) {
	t.Helper()
	if text := os.Getenv("SEED"); text != "" {
		seed := jobstest.Value(strconv.ParseUint(text, 10, 64))(t)
		return seed, seed + 1, until
	}
	if soak := os.Getenv("SPONSORSYNC_TEST_SOAK"); soak != "" {
		return uint64(time.Now().UnixNano()), 0, time.Now().Add(jobstest.Value(time.ParseDuration(soak))(t))
	}
	return 0, 1, until
}

const steps = 100

func tell(t *testing.T, c course, seed uint64) {
	s := begin(t, c, seed)
	defer s.print()
	s.before()
	s.takeOver()
	for range steps {
		s.step()
	}
	s.rest()
	s.requireWishes()
	s.requireMails()
	if c.full {
		s.requireShown()
	} else {
		s.requireUntouched()
	}
	s.requireQuiet()
	s.organizationGoes()
}

// story is one of them, and what was done so far.
type story struct {
	*site
	course course
	seed   uint64
	random *rand.Rand
	did    []string

	official map[string]map[string]bool // what its job has told the cloud before take-over: key to addresses
	cameBack map[string]string          // with a restored copy: row to address

	resting bool
	stored  vaulttest.Backup // the vault at rest
}

func begin(t *testing.T, c course, seed uint64) *story {
	t.Helper()
	s := &story{course: c, seed: seed, random: rand.New(rand.NewPCG(seed, 2)), official: map[string]map[string]bool{}, cameBack: map[string]string{}}
	s.site = newSite(t, s)
	return s
}

func (s *story) note(format string, args ...any) {
	s.did = append(s.did, fmt.Sprintf("%s  %s", s.Now().Format("02 15:04:05"), fmt.Sprintf(format, args...)))
}

// print tells a story that went wrong.
func (s *story) print() {
	if s.t.Failed() {
		s.t.Logf("SEED=%d go test -run 'AtRest/^%s$' ./producer/internal/bridge tells this story again:\n%s",
			s.seed, s.course, strings.Join(s.did, "\n"))
	}
}

func (s *story) n(n int) int { return s.random.IntN(n) }

// step is one thing that happens.
func (s *story) step() {
	switch n := s.n(100); {
	case n < 42:
		s.people()
	case n < 58:
		s.look()
	case n < 62:
		s.bridgeDies()
	case n < 78:
		s.work()
	case n < 82:
		s.workerDies()
	case n < 84:
		s.hangsUp()
	case n < 87:
		s.sweep()
	case n < 89:
		s.disturb()
	case n < 92:
		s.accept()
	case n < 93:
		s.databaseAway()
	case n < 95:
		s.answer()
	case n < 96:
		s.newToken()
	default:
		s.passes()
	}
	s.Pass(time.Duration(s.n(20)) * time.Second)
}

// passes is a longer while.
func (s *story) passes() {
	d := []time.Duration{3 * time.Minute, 10 * time.Minute, 2 * time.Hour, 26 * time.Hour}[s.n(4)]
	s.note("%s pass", d)
	s.Pass(d)
}
