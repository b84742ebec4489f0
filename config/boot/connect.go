package boot

import (
	"context"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Redis returns the client of a program. It connects with the first command; the
// error is a [*config.Error].
func Redis(cfg config.Redis) (redis.UniversalClient, error) {
	opened, err := OpenRedis(cfg, nil, false)
	if err != nil {
		return nil, err
	}
	return opened[0], nil
}

// OpenRedis returns several clients of the same Redis, all of which greet it on each
// new connection: one for each of once, which says whether it leaves commands whose
// answer was lost to the caller. The error is a [*config.Error].
func OpenRedis(cfg config.Redis, greet func(context.Context, *redis.Conn) error, once ...bool) ([]redis.UniversalClient, error) {
	encrypted, err := cfg.TLS().Config()
	if err != nil {
		return nil, refused("SPONSORSYNC_REDIS_CA_FILE", err)
	}
	opened := make([]redis.UniversalClient, len(once))
	for i, noRetries := range once {
		opened[i], err = enqueue.Redis{URL: cfg.URL.Reveal(), TLS: encrypted, OnConnect: greet, NoRetries: noRetries}.Open()
		if err != nil { // with the first: none has connected yet
			return nil, refused("REDIS_URL", err)
		}
	}
	return opened, nil
}

// Sealer returns what encrypts at rest, or nil without keys: whoever must seal
// has required the setting. The error is a [*config.Error].
func Sealer(keys config.Keyring) (*state.Sealer, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	sealer, err := state.NewSealer(keys.Bytes()...)
	if err != nil {
		return nil, refused(config.EncryptionKey, err)
	}
	return sealer, nil
}

// NATS returns at once, whether or not a server answers, and logs when the
// connection goes and comes. Close it with js.Conn().Close(). The error is a
// [*config.Error].
func NATS(cfg config.NATS, name string, log zerolog.Logger) (jetstream.JetStream, error) {
	at, err := NATSAt(cfg, name)
	if err != nil {
		return nil, err
	}
	at.Disconnected = func(err error) { log.Warn().Err(err).Msg("NATS is away; events come later") }
	at.Reconnected = func(server string) { log.Info().Str("server", server).Msg("NATS is back") }
	at.Failed = once(func(err error) { log.Warn().Err(err).Msg("NATS reports a fault") })
	js, err := events.Connect(at)
	if err != nil {
		return nil, refused("NATS_URL", err)
	}
	return js, nil
}

// NATSAt is for who needs a connection with manners of its own. The error is a
// [*config.Error].
func NATSAt(cfg config.NATS, name string) (events.Connection, error) {
	encrypted, err := cfg.TLS().Config()
	if err != nil {
		return events.Connection{}, refused("SPONSORSYNC_NATS_CA_FILE", err)
	}
	return events.Connection{
		URL: cfg.URL.Reveal(), Name: name, TLS: encrypted,
		CredsFile: cfg.CredsFile, NKeyFile: cfg.NKeyFile, Domain: cfg.Domain,
	}, nil
}

// once passes each kind of error on once: a forbidden request is made again and
// again, with a new name behind the quotation mark.
func once(tell func(error)) func(error) {
	var told sync.Map
	return func(err error) {
		kind, _, _ := strings.Cut(err.Error(), `"`)
		if _, again := told.LoadOrStore(kind, true); !again {
			tell(err)
		}
	}
}

func refused(name string, err error) error {
	return &config.Error{Faults: []config.Fault{{Name: name, Message: err.Error()}}}
}
