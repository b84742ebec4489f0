package enqueue

import (
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 3 * time.Second
	// poolSize leaves room for handlers beside readers that block on a stream;
	// the client's default is ten a core.
	poolSize = 64
)

// NewRedis returns the client that all our programs share: one that keeps to
// its context's deadline, as asynq's own clients do not. The URL's parameters
// (pool_size, read_timeout, ...) win over ours. It connects with the first
// command. The error never holds the URL, which may hold a password.
func NewRedis(url string) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("the client cannot use this URL, want redis://user:password@host:port/db, rediss:// or unix:// with no other parameters than go-redis has")
	}
	o.ContextTimeoutEnabled = true
	o.DialTimeout = or(o.DialTimeout, dialTimeout)
	o.ReadTimeout = or(o.ReadTimeout, ioTimeout)
	o.WriteTimeout = or(o.WriteTimeout, ioTimeout)
	o.PoolSize = or(o.PoolSize, poolSize)
	return redis.NewClient(o), nil
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
