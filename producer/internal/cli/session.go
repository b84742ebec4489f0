package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/erase"
)

// pingTimeout bounds how long a command looks for Redis before it says so.
const pingTimeout = 2 * time.Second

// session is what most commands need: the queue and the ledger.
type session struct {
	rdb       redis.UniversalClient
	ledger    *state.Ledger
	memory    *memory.Store // of the bridge
	client    *enqueue.Client
	inspector *enqueue.Inspector
}

func (s *session) eraser() erase.Eraser {
	return erase.Eraser{Ledger: s.ledger, Jobs: s.client, Bridge: s.memory}
}

// environ reads the environment and warns of names that mean nothing.
func (a *app) environ() (config.Environ, error) {
	environ, err := config.Read(a.Environ, a.envFiles)
	if err != nil {
		return environ, err
	}
	for _, name := range environ.Unknown() {
		a.note("warning: %s is set and means nothing here; 'producer help environment' lists the names", name)
	}
	return environ, nil
}

// settings reads the settings; the command names what it cannot do without.
func (a *app) settings(required ...string) (config.Producer, error) {
	environ, err := a.environ()
	if err != nil {
		return config.Producer{}, err
	}
	return config.LoadProducer(environ, required...)
}

// withSession connects to Redis for as long as do runs.
func (a *app) withSession(ctx context.Context, do func(*session) error) error {
	settings, err := a.settings()
	if err != nil {
		return err
	}
	return a.connected(ctx, settings, do)
}

func (a *app) connected(ctx context.Context, settings config.Producer, do func(*session) error) error {
	sealer, err := boot.Sealer(settings.EncryptionKeys)
	if err != nil {
		return err
	}
	rdb, err := boot.Redis(settings.Redis)
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }()
	if err := ping(ctx, rdb, settings.Redis.URL); err != nil {
		return err
	}
	client := enqueue.New(rdb, enqueue.Options{Now: a.Now, Admit: state.New(rdb, nil).Admit})
	return do(&session{
		rdb: rdb, ledger: state.New(rdb, sealer), memory: memory.New(rdb, sealer), client: client, inspector: enqueue.NewInspector(client),
	})
}

// ping tells a missing Redis from everything that may go wrong later.
func ping(ctx context.Context, rdb redis.UniversalClient, address secret.Address) error {
	pinging, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	err := rdb.Ping(pinging).Err()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fault.Wrap(fault.QueueUnavailable, err, "connect to Redis at %s: %s", address, fmt.Sprint(err))
}
