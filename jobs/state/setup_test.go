package state_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const org = sponsorship.ID("10000000-0000-4000-8000-000000000001")

var t0 = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func user(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("20000000-0000-4000-8000-%012d", n))
}

type bundle struct {
	server *miniredis.Miniredis
	rdb    redis.UniversalClient
	seed   jobstest.Ledger
	*state.Ledger
}

func setup(t *testing.T) bundle {
	t.Helper()
	server := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	sealer, err := state.NewSealer(make([]byte, 32))
	jobstest.Must(t, err)
	return bundle{server, rdb, jobstest.Ledger{Redis: rdb}, state.New(rdb, sealer)}
}

func record(n int, status sponsorship.Status) sponsorship.Sponsorship {
	return sponsorship.Sponsorship{OrganizationID: org, UserID: user(n), Status: status, Revision: 1, UpdatedAt: t0}
}
