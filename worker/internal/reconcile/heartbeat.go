package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// lease is what a sync holds an organization by.
type lease interface {
	// Renew returns [ledger.ErrLeaseLost] when another sync holds it by now.
	Renew(ctx context.Context) error
}

// heartbeat keeps the lease while requests are under way. The context that it
// returns ends when the lease is lost. stop waits for the heart to stand still,
// and may be called twice.
func heartbeat(parent context.Context, l lease) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := beat(ctx, l); err != nil {
			cancel(err)
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

// beat renews the lease four times a life. A renewal that fails for another
// reason than a lost lease is tried again at the next beat; the lease is taken
// for lost while a quarter of its life is still left.
func beat(ctx context.Context, l lease) error {
	ticker := time.NewTicker(ledger.LeaseLife / 4)
	defer ticker.Stop()
	trusted := time.Now() // monotonic, unlike an injected clock
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		attempt := time.Now()
		bounded, cancel := context.WithTimeout(ctx, ledger.LeaseLife/4)
		err := l.Renew(bounded)
		cancel()
		switch {
		case err == nil:
			trusted = attempt
		case errors.Is(err, ledger.ErrLeaseLost), time.Since(trusted) >= ledger.LeaseLife*3/4:
			return ledger.ErrLeaseLost
		}
	}
}
