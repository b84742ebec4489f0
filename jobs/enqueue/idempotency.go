package enqueue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// keyLife is how long an idempotency key is remembered. A finished job is kept
// as long, counted from its end, so the key's jobs are known while the key is.
const keyLife = 24 * time.Hour

// Idempotency names a request; see [WithIdempotency]. The zero value is no
// promise. Without a BodyHash, the kinds and arguments tell a repeat from another
// request.
type Idempotency struct {
	Key      string // the caller's; stored as its hash only
	BodyHash string // tells a repeat from another request under the same key
}

// bodyHash is the caller's, or made of what is to be enqueued.
func (i Idempotency) bodyHash(batch []job) string {
	if i.Key == "" || i.BodyHash != "" {
		return i.BodyHash
	}
	sum := sha256.New()
	for _, j := range batch {
		_, _ = fmt.Fprintf(sum, "%s %s\n", j.kind, j.payload) // a hash takes everything
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// recordVersion is raised when an older program would misread what this one stores.
const recordVersion = 1

// claimed is what is stored under a key before anything is enqueued.
type claimed struct {
	Version  int      `json:"v"`
	BodyHash string   `json:"bodyHash"`
	IDs      []string `json:"ids"`
}

// claim gives the batch its ids: fresh ones, or those that the key's first
// request chose. It reports whether this is the first. A repeat is enqueued
// all the same, under the first one's ids: that one may have died on the way.
func (c *Client) claim(ctx context.Context, once Idempotency, batch []job) (first bool, err error) {
	mine := claimed{Version: recordVersion, BodyHash: once.bodyHash(batch), IDs: make([]string, len(batch))}
	for i := range mine.IDs {
		mine.IDs[i] = c.newID()
	}
	theirs := mine
	if once.Key != "" {
		if theirs, err = c.settle(ctx, idempotencyKey(once.Key), mine); err != nil {
			return false, unavailable(err, "look up the idempotency key")
		}
	}
	if theirs.BodyHash != mine.BodyHash || len(theirs.IDs) != len(batch) {
		return false, fault.New(fault.IdempotencyKeyReused, "the idempotency key was used with another body")
	}
	for i := range batch {
		batch[i].id = theirs.IDs[i]
	}
	// Ids are random, so equal ones are ours, even if the first answer to the
	// claim was lost and the client's own repeat found it there.
	return slices.Equal(theirs.IDs, mine.IDs), nil
}

// settle stores mine unless another request was there first, and returns what
// is stored.
func (c *Client) settle(ctx context.Context, key string, mine claimed) (claimed, error) {
	record, err := json.Marshal(mine)
	if err != nil {
		return claimed{}, err
	}
	for {
		stored, err := c.rdb.SetNX(ctx, key, record, keyLife).Result()
		if err != nil || stored {
			return mine, err
		}
		text, err := c.rdb.Get(ctx, key).Bytes()
		if errors.Is(err, redis.Nil) {
			continue // it expired in between
		}
		if err != nil {
			return claimed{}, err
		}
		var theirs claimed
		if err := json.Unmarshal(text, &theirs); err != nil {
			return claimed{}, fmt.Errorf("read idempotency record: %w", err)
		}
		if theirs.Version > recordVersion {
			return claimed{}, errors.New("read idempotency record: a newer version of sponsorsync wrote it: update this program")
		}
		return theirs, nil
	}
}

// idempotencyKey hides the key, which may be anything, and bounds its length.
func idempotencyKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "sponsorsync:idempotency:" + hex.EncodeToString(sum[:])
}
