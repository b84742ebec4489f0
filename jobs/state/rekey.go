package state

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Sealed is where a sealed text is kept, and what it is sealed for.
type Sealed struct{ Key, Field, Place string }

// replaceScript writes a field if nobody has written it since it was read.
const replaceScript = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`

// Rekey seals under the first key what an organization's connection has sealed under
// another, and returns how many texts that were.
func (l *Ledger) Rekey(ctx context.Context, org sponsorship.ID) (resealed int, err error) {
	for field, what := range map[string]string{"token": tokenPlace, "licenseKey": licenseKeyPlace} {
		done, err := l.sealer.Rekey(ctx, l.rdb, Sealed{Key(org, ""), field, place(org, what)})
		if err != nil {
			return resealed, err
		}
		if done {
			resealed++
		}
	}
	return resealed, nil
}

// Rekey seals one text under the first key, and reports whether it was not before. What
// somebody else writes meanwhile is sealed by them.
func (s *Sealer) Rekey(ctx context.Context, rdb redis.UniversalClient, at Sealed) (bool, error) {
	for {
		sealed, err := rdb.HGet(ctx, at.Key, at.Field).Result()
		switch {
		case errors.Is(err, redis.Nil), err == nil && (sealed == "" || strings.HasPrefix(sealed, s.primary+".")):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("read %s: %w", at.Place, err)
		}
		text, err := s.Open(sealed, at.Place)
		if err != nil {
			return false, err
		}
		replaced, err := redis.NewScript(replaceScript).Run(ctx, rdb, []string{at.Key}, at.Field, sealed, s.Seal(text, at.Place)).Int()
		if err != nil {
			return false, fmt.Errorf("seal %s anew: %w", at.Place, err)
		}
		if replaced == 1 {
			return true, nil
		}
	}
}
