package enqueue

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/redisurl"
)

const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 3 * time.Second
	// poolSize leaves room for handlers beside readers that block on a stream;
	// the client's default is ten a core.
	poolSize = 64
)

// Redis says where Redis is and how to talk to it. All but URL may be left out.
type Redis struct {
	// URL is redis://[user:password@]host:port/db, rediss:// (encrypted), unix:///path,
	// redis-sentinel://[user:password@]host:port,host:port/MASTER or
	// redis-cluster://[user:password@]host:port,host:port; the latter two with rediss in
	// front where they are encrypted. Parameters (pool_size, read_timeout, ...) win over
	// ours. Sentinels that demand a password of their own get it as sentinel_username and
	// sentinel_password; db=N is the database behind them.
	URL string
	TLS *tls.Config // own CA, client certificate; with Sentinels and a Cluster it also encrypts

	OnConnect func(context.Context, *redis.Conn) error // of each connection, before its first use
	NoRetries bool                                     // a command whose answer is lost is the caller's to repeat
}

// NewRedis returns the client that all our programs share; see [Redis.Open].
func NewRedis(url string) (redis.UniversalClient, error) { return Redis{URL: url}.Open() }

// Open returns a client that keeps to its context's deadline, as asynq's own clients
// do not: a *redis.Client, or a *redis.ClusterClient of a Cluster. It connects with the
// first command. The error never holds the URL, which may hold a password.
func (r Redis) Open() (redis.UniversalClient, error) {
	at, err := redisurl.Parse(r.URL)
	if err != nil {
		return nil, fmt.Errorf("the client cannot use this URL, %w", err)
	}
	o := at.Options
	o.ContextTimeoutEnabled = true
	o.DialTimeout = cmp.Or(o.DialTimeout, dialTimeout)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, ioTimeout)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, ioTimeout)
	o.PoolSize = cmp.Or(o.PoolSize, poolSize)
	o.OnConnect = r.OnConnect
	o.TLSConfig = at.Encryption(r.TLS)
	if r.NoRetries {
		o.MaxRetries = -1
	}
	switch at.Kind {
	case redisurl.Sentinel:
		return redis.NewFailoverClient(at.Several().Failover()), nil
	case redisurl.Cluster:
		c := at.Several().Cluster()
		if r.NoRetries {
			c.MaxRedirects = -1
		}
		return redis.NewClusterClient(c), nil
	}
	return redis.NewClient(o), nil
}
