package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// The keys: what was told, and whose turn it is. Both are of this package alone.
const (
	toldKey = "sponsorsync:{alerts}:told"
	turnKey = "sponsorsync:{alerts}:turn"
)

// memory is what was told, in Redis, and here for the time that it is away.
type memory struct {
	rdb  redis.UniversalClient
	here map[string]told
}

// load returns what was told. Without Redis that is what this process knows of.
func (m *memory) load(ctx context.Context) map[string]told {
	texts, err := m.rdb.HGetAll(ctx, toldKey).Result()
	if err != nil {
		return m.here
	}
	all := map[string]told{}
	for key, text := range texts {
		var t told
		if json.Unmarshal([]byte(text), &t) == nil {
			all[key] = t
		}
	}
	m.here = all
	return all
}

// turn reports whether this process is the one that tells for a while. Without Redis
// each tells for itself: too often is better than not at all.
func (m *memory) turn(ctx context.Context, life time.Duration) bool {
	won, err := m.rdb.SetNX(ctx, turnKey, 1, life).Result()
	return won || err != nil
}

// yield lets another process have its turn.
func (m *memory) yield(ctx context.Context) { _ = m.rdb.Del(ctx, turnKey).Err() } // it ends by itself otherwise

// keep notes that a message was delivered.
func (m *memory) keep(ctx context.Context, said message, now time.Time) error {
	if m.here == nil {
		m.here = map[string]told{}
	}
	pipe := m.rdb.TxPipeline()
	for _, a := range said.Begun {
		t := told{a, now.UTC()}
		m.here[a.key()] = t
		text, err := json.Marshal(t)
		if err != nil {
			return fmt.Errorf("encode alert: %w", err)
		}
		pipe.HSet(ctx, toldKey, a.key(), text)
	}
	for _, a := range said.Ended {
		delete(m.here, a.key())
		pipe.HDel(ctx, toldKey, a.key())
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("note what was told: %w", err)
	}
	return nil
}
