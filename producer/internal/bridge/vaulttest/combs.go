package vaulttest

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// combs makes ids as the server does: ten random bytes, then the day since 1900 and
// the 1/300 s since midnight UTC.
type combs struct {
	mu     sync.Mutex
	random *rand.Rand
	now    func() time.Time
}

func (c *combs) next() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var id [16]byte
	for i := range id[:10] {
		id[i] = byte(c.random.UintN(256))
	}
	id[6] = id[6]&0x0f | 0x40 // as of a random id
	id[8] = id[8]&0x3f | 0x80
	now := c.now().UTC()
	midnight := now.Truncate(24 * time.Hour)
	days := int(midnight.Sub(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	ticks := uint32(now.Sub(midnight) * 300 / time.Second)
	id[10], id[11] = byte(days>>8), byte(days)
	id[12], id[13], id[14], id[15] = byte(ticks>>24), byte(ticks>>16), byte(ticks>>8), byte(ticks)
	text := hex.EncodeToString(id[:])
	return fmt.Sprintf("%s-%s-%s-%s-%s", text[:8], text[8:12], text[12:16], text[16:20], text[20:])
}
