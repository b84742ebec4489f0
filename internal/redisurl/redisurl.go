// Package redisurl reads the address of Redis, in all forms that our programs take:
// one server, Sentinels that know the master, or nodes of a Cluster. Settings are checked
// with it and clients are made with it, so what passes the one works in the other.
//
// It connects to nothing, and none of its errors shows a part of the URL that may be a
// secret.
package redisurl

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Kind is what stands at an address.
type Kind int

// The kinds.
const (
	Single Kind = iota
	Sentinel
	Cluster
)

// Address is a URL that was understood.
type Address struct {
	Kind    Kind
	Options *redis.Options // of each connection; of several servers, Addr is the first
	Hosts   []string       // host:port of the Sentinels, or of some nodes
	Master  string         // by the name that the Sentinels have for it

	SentinelUser, SentinelPassword string
}

// scheme is one of several servers.
type scheme struct {
	kind Kind
	one  string // of one server that is talked to in the same way
	port string // where a host has none
}

// schemes are those. The longer form of each encrypts, as rediss does.
var schemes = map[string]scheme{
	"redis-sentinel":  {Sentinel, "redis", "26379"},
	"rediss-sentinel": {Sentinel, "rediss", "26379"},
	"redis-cluster":   {Cluster, "redis", "6379"},
	"rediss-cluster":  {Cluster, "rediss", "6379"},
}

// Forms is what is wanted, for messages.
const Forms = "redis://[user:password@]host:port/number, rediss://..., unix:///path, " +
	"redis-sentinel://[user:password@]host:port,host:port/MASTER or redis-cluster://[user:password@]host:port,host:port"

var errForm = errors.New("want " + Forms)

// Parse returns what a URL says. Parameters are those of go-redis; Sentinels that
// demand a password of their own get sentinel_username and sentinel_password.
func Parse(text string) (Address, error) {
	name, rest, found := strings.Cut(text, "://")
	if !found {
		return Address{}, errors.New("which has no redis:// in front; want " + Forms)
	}
	if several, known := schemes[name]; known {
		return several.parse(rest)
	}
	if name != "unix" {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return Address{}, errForm // go-redis would take it for this machine
		}
	}
	o, err := options(text)
	return Address{Kind: Single, Options: o}, err
}

// parse reads what stands behind the scheme. net/url would take no list of hosts.
func (s scheme) parse(rest string) (a Address, err error) {
	rest, query, _ := strings.Cut(rest, "?")
	credentials, rest := cutLast(rest, "@")
	list, path, _ := strings.Cut(rest, "/")
	a = Address{Kind: s.kind, Master: strings.TrimSuffix(path, "/")}
	for host := range strings.SplitSeq(list, ",") {
		joined, err := hostPort(strings.TrimSpace(host), s.port)
		if err != nil {
			return Address{}, err
		}
		a.Hosts = append(a.Hosts, joined)
	}
	switch {
	case s.kind == Sentinel && (a.Master == "" || strings.Contains(a.Master, "/")):
		return Address{}, errors.New("which does not end in the one name that the Sentinels have for the master; want " + Forms)
	case s.kind == Cluster && a.Master != "":
		return Address{}, errors.New("which has a path, but a Cluster has only one database; want " + Forms)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return Address{}, errForm
	}
	if s.kind == Cluster && values.Has("db") {
		return Address{}, errors.New("which names a database, but a Cluster has only one; want " + Forms)
	}
	if s.kind == Sentinel {
		a.SentinelUser, a.SentinelPassword = values.Get("sentinel_username"), values.Get("sentinel_password")
		values.Del("sentinel_username")
		values.Del("sentinel_password")
	}
	if a.Options, err = options(s.one + "://" + credentials + a.Hosts[0] + "?" + values.Encode()); err != nil {
		return Address{}, err
	}
	if a.Options.TLSConfig != nil {
		a.Options.TLSConfig.ServerName = "" // each of them proves its own name
	}
	return a, nil
}

// cutLast leaves the separator with what is before it.
func cutLast(text, separator string) (before, after string) {
	at := strings.LastIndex(text, separator) + len(separator)
	if at < len(separator) {
		at = 0
	}
	return text[:at], text[at:]
}

func hostPort(text, defaultPort string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.Trim(text, "[]"), defaultPort
		if strings.Contains(text, ":") && !strings.HasSuffix(text, "]") {
			return "", errForm
		}
	}
	if u, err := url.Parse("redis://" + net.JoinHostPort(host, port)); err != nil || u.Hostname() == "" || u.Port() == "" {
		return "", errForm
	}
	return net.JoinHostPort(host, port), nil
}

// parameter is a name that cannot be a part of a password that was not encoded: behind
// one of those there is an '@'.
var parameter = regexp.MustCompile(`unexpected option: ([a-zA-Z_, ]+)$`)

func options(text string) (*redis.Options, error) {
	o, err := redis.ParseURL(text)
	if err == nil {
		return o, nil
	}
	if strange := parameter.FindStringSubmatch(err.Error()); strange != nil {
		return nil, fmt.Errorf("which has a parameter that go-redis does not know (%s); want %s", strange[1], Forms)
	}
	return nil, errForm
}

// Encrypted reports whether connections are, with given as what was set beside the URL:
// of several servers that is enough, of one the URL must say so.
func (a Address) Encrypted(given *tls.Config) bool {
	return a.Options.TLSConfig != nil || given != nil && a.Kind != Single
}

// Encryption joins what the URL says with what was given; nil is none.
func (a Address) Encryption(given *tls.Config) *tls.Config {
	byURL := a.Options.TLSConfig
	if given == nil || !a.Encrypted(given) {
		return byURL
	}
	joined := given.Clone()
	if byURL != nil {
		joined.ServerName, joined.InsecureSkipVerify = byURL.ServerName, byURL.InsecureSkipVerify
	}
	return joined
}

// Several are the options of a client of [Sentinel] or [Cluster].
func (a Address) Several() *redis.UniversalOptions {
	o := a.Options
	return &redis.UniversalOptions{
		Addrs: a.Hosts, MasterName: a.Master, SentinelUsername: a.SentinelUser, SentinelPassword: a.SentinelPassword,
		ClientName: o.ClientName, DB: o.DB, Protocol: o.Protocol, Username: o.Username, Password: o.Password,
		OnConnect: o.OnConnect, ContextTimeoutEnabled: o.ContextTimeoutEnabled, TLSConfig: o.TLSConfig,
		MaxRetries: o.MaxRetries, MinRetryBackoff: o.MinRetryBackoff, MaxRetryBackoff: o.MaxRetryBackoff,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		PoolFIFO: o.PoolFIFO, PoolSize: o.PoolSize, PoolTimeout: o.PoolTimeout, MinIdleConns: o.MinIdleConns,
		MaxIdleConns: o.MaxIdleConns, MaxActiveConns: o.MaxActiveConns,
		ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime,
	}
}
