package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/oauth2/clientcredentials"
)

// A shared token must live this long to be taken: longer than the time before its end
// in which workers fetch a new one, so that none takes up what another is replacing.
const worthSharing = 6 * time.Minute

// sharedPatience is what a look into Redis may cost: asking the cloud is no loss.
const sharedPatience = 2 * time.Second

// Tokens keeps what the cloud has granted where all programs of the installation find
// it: the cloud grants ten tokens a minute to an address, which the self-hosted server
// asks from, too. It is a help and no more: whatever goes wrong, the cloud is asked.
type Tokens interface {
	Load(ctx context.Context, granted Grant) (token string, ends time.Time) // "" is none
	Save(ctx context.Context, granted Grant, token string, ends time.Time)
	Drop(ctx context.Context, granted Grant)
}

// Grant is what a token is for, and to whom it was granted: whoever has another key,
// or asks another host, does not find it.
type Grant struct{ Scope, To string }

// grant never holds the installation's key in the clear.
func grant(scope string, c clientcredentials.Config) Grant {
	sum := sha256.Sum256([]byte(c.ClientSecret))
	return Grant{Scope: scope, To: strings.Join([]string{scope, c.ClientID, c.TokenURL, hex.EncodeToString(sum[:])}, " ")}
}

// SharedTokens keeps them in Redis, sealed for what they are for, until they end.
type SharedTokens struct {
	Redis  redis.UniversalClient
	Sealer interface {
		Seal(text, place string) string
		Open(sealed, place string) (string, error)
	}
	Now func() time.Time
}

func tokenKey(g Grant) string { return "sponsorsync:{cloud}:token:" + g.Scope }

// Load implements [Tokens].
func (s SharedTokens) Load(parent context.Context, g Grant) (string, time.Time) {
	ctx, cancel := context.WithTimeout(parent, sharedPatience)
	defer cancel()
	sealed, err := s.Redis.Get(ctx, tokenKey(g)).Result()
	if err != nil {
		return "", time.Time{}
	}
	text, err := s.Sealer.Open(sealed, g.To)
	seconds, token, _ := strings.Cut(text, " ")
	ends, malformed := strconv.ParseInt(seconds, 10, 64)
	if err != nil || malformed != nil {
		return "", time.Time{}
	}
	return token, time.Unix(ends, 0)
}

// Save implements [Tokens].
func (s SharedTokens) Save(parent context.Context, g Grant, token string, ends time.Time) {
	ctx, cancel := context.WithTimeout(parent, sharedPatience)
	defer cancel()
	sealed := s.Sealer.Seal(strconv.FormatInt(ends.Unix(), 10)+" "+token, g.To)
	_ = s.Redis.Set(ctx, tokenKey(g), sealed, ends.Sub(s.Now())).Err()
}

// Drop implements [Tokens].
func (s SharedTokens) Drop(parent context.Context, g Grant) {
	ctx, cancel := context.WithTimeout(parent, sharedPatience)
	defer cancel()
	_ = s.Redis.Del(ctx, tokenKey(g)).Err()
}

// unshared is what a client without [Tokens] has.
type unshared struct{}

func (unshared) Load(context.Context, Grant) (string, time.Time) { return "", time.Time{} }
func (unshared) Save(context.Context, Grant, string, time.Time)  {}
func (unshared) Drop(context.Context, Grant)                     {}
