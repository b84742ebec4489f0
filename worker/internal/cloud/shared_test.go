package cloud_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// sharing is a Redis through which clients share tokens.
type sharing struct {
	store *miniredis.Miniredis
	rdb   *redis.Client
	key   string
}

func share(t *testing.T) sharing {
	t.Helper()
	s := sharing{store: miniredis.RunT(t), key: "0123456789abcdef0123456789abcdef"}
	s.rdb = redis.NewClient(&redis.Options{Addr: s.store.Addr()})
	t.Cleanup(func() { _ = s.rdb.Close() })
	return s
}

// by has a client share.
func (s sharing) by(t *testing.T, change ...func(*cloud.Params)) bundle {
	t.Helper()
	sealer := jobstest.Value(state.NewSealer([]byte(s.key)))(t)
	return setup(t, append([]func(*cloud.Params){func(p *cloud.Params) {
		p.Tokens = cloud.SharedTokens{Redis: s.rdb, Sealer: sealer, Now: time.Now}
	}}, change...)...)
}

// asks returns how many tokens the client asks for so that it can sync.
func asks(t *testing.T, b bundle) int {
	t.Helper()
	jobstest.Value(b.Sync(t.Context(), batch()))(t)
	return len(b.wire.to("/connect/token"))
}

func TestWorkersShareAToken(t *testing.T) {
	t.Parallel()
	s := share(t)
	jobstest.Equal(t, "asked by the first", asks(t, s.by(t)), 1)
	second := s.by(t)
	jobstest.Equal(t, "asked by the second", asks(t, second), 0)
	if sent := second.wire.to("/organization/sponsorship/sync")[0].header.Get("Authorization"); sent != "Bearer token-1" {
		t.Errorf("the second authorizes by %q", sent)
	}
	for _, key := range s.store.Keys() {
		if text, _ := s.store.Get(key); strings.Contains(text, "token-1") {
			t.Errorf("%s holds the token in the clear", key)
		}
		if s.store.TTL(key) <= 0 {
			t.Errorf("%s outlives the token", key)
		}
	}
}

func TestATokenIsSharedOnlyWithWhomItWasGrantedTo(t *testing.T) {
	t.Parallel()
	s := share(t)
	asks(t, s.by(t))
	for name, change := range map[string]func(*cloud.Params){
		"another key":          func(p *cloud.Params) { p.Config.InstallationKey = "another" },
		"another installation": func(p *cloud.Params) { p.Config.InstallationID = organization },
		"another host":         func(p *cloud.Params) { p.Config.IdentityURI = "https://identity.elsewhere.example" },
	} {
		jobstest.Equal(t, "asked with "+name, asks(t, s.by(t, change)), 1)
		s.store.FlushAll()
		asks(t, s.by(t))
	}
	s.key = "fedcba9876543210fedcba9876543210"
	jobstest.Equal(t, "asked with another encryption key", asks(t, s.by(t)), 1)
}

// A token that the cloud refuses is nobody's any more.
func TestARefusedTokenIsNotShared(t *testing.T) {
	t.Parallel()
	s := share(t)
	asks(t, s.by(t))
	b := s.by(t)
	b.wire.token = always(200, strings.Replace(tokenAnswer, "token-1", "token-2", 1))
	b.wire.api = always(401, "")
	_, err := b.Sync(t.Context(), batch())
	jobstest.Equal(t, "refused", err != nil, true)
	jobstest.Equal(t, "asked by who was refused", len(b.wire.to("/connect/token")), 1)
	jobstest.Equal(t, "asked by the next", asks(t, s.by(t)), 1)
}

// What can end, or be replaced, any moment is not worth taking up.
func TestATokenThatIsAboutToEndIsNotShared(t *testing.T) {
	t.Parallel()
	s := share(t)
	first := s.by(t)
	first.wire.token = numbered(300)
	asks(t, first)
	jobstest.Equal(t, "asked by the second", asks(t, s.by(t)), 1)
}

func TestWithoutRedisTheCloudIsAsked(t *testing.T) {
	t.Parallel()
	s := share(t)
	s.store.Close()
	jobstest.Equal(t, "asked", asks(t, s.by(t)), 1)
}
