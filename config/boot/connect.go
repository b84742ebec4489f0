package boot

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
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

func refused(name string, err error) error {
	return &config.Error{Faults: []config.Fault{{Name: name, Message: err.Error()}}}
}
