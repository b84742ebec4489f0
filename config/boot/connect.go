package boot

import (
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
func Redis(cfg config.Redis) (*redis.Client, error) {
	rdb, err := enqueue.NewRedis(cfg.URL.Reveal())
	if err != nil {
		return nil, refused("REDIS_URL", err)
	}
	return rdb, nil
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
	js, err := events.Connect(events.Connection{
		URL: cfg.URL.Reveal(), CredsFile: cfg.CredsFile, Name: name,
		Disconnected: func(err error) { log.Warn().Err(err).Msg("NATS is away; events come later") },
		Reconnected:  func(server string) { log.Info().Str("server", server).Msg("NATS is back") },
		Failed:       once(func(err error) { log.Warn().Err(err).Msg("NATS reports a fault") }),
	})
	if err != nil {
		return nil, refused("NATS_URL", err)
	}
	return js, nil
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
