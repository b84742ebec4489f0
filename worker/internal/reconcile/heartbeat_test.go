package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
	"github.com/sponsorsync/sponsorsync/worker/internal/reconcile"
)

// renewals are a lease whose renewals end as the test says.
type renewals struct {
	answers []error // the last one stays
	asked   int
}

func (r *renewals) Renew(context.Context) error {
	err := r.answers[min(r.asked, len(r.answers)-1)]
	r.asked++
	return err
}

var errAway = errors.New("no answer from Redis")

// TestHeartbeat runs on simulated time: the lease lives 15 s, and four beats fit in.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answers []error
		lives   time.Duration // how long the sync may work
		lost    bool
	}{
		"renewed":           {[]error{nil}, time.Hour, false},
		"away for a beat":   {[]error{nil, errAway, nil}, time.Hour, false},
		"away for too long": {[]error{nil, errAway}, ledger.LeaseLife + time.Second, true},
		"lost":              {[]error{nil, ledger.ErrLeaseLost}, ledger.LeaseLife, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lease := &renewals{answers: tt.answers}
				ctx, stop := reconcile.Heartbeat(t.Context(), lease)
				defer stop()
				began := time.Now()
				select {
				case <-ctx.Done():
				case <-time.After(time.Hour):
				}
				lost := errors.Is(context.Cause(ctx), ledger.ErrLeaseLost)
				if lost != tt.lost || lost && time.Since(began) > tt.lives {
					t.Errorf("after %v the cause is %v; want lost = %v within %v", time.Since(began), context.Cause(ctx), tt.lost, tt.lives)
				}
				stop()
				if lease.asked < 2 {
					t.Errorf("the lease was renewed %d times", lease.asked)
				}
			})
		})
	}
}
