package state

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// WorkersKey is the hash of the workers: id -> "last beat in ms json". The
// worker's package registry writes it.
const WorkersKey = "sponsorsync:workers"

// WorkerLife is how long a worker is taken to live after its last beat.
const WorkerLife = 10 * time.Second

// Worker is one that has registered and has not signed off.
type Worker struct {
	ID        string    `json:"id"`
	Version   string    `json:"version"`
	Safety    int       `json:"safety"` // which promises it keeps beside others
	Run       string    `json:"run"`    // of Redis, when it beat last; empty if that has no name
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Servers   int       `json:"servers"` // of the queue that it runs at most, as asynq lists them
	StartedAt time.Time `json:"startedAt"`

	SkewMS int64 `json:"skewMs"` // how far the ledger's clock is ahead of this worker's

	LastBeat time.Time     `json:"-"` // by Redis' clock
	Silent   time.Duration `json:"-"` // since then
	Lives    bool          `json:"-"` // or else it was killed, or cannot reach Redis
}

// EncodeWorker is what stands in the hash behind the date.
func EncodeWorker(w Worker) ([]byte, error) { return json.Marshal(w) }

// String names it for people.
func (w Worker) String() string {
	return fmt.Sprintf("%s (pid %d, version %s)", w.Host, w.PID, cmp.Or(w.Version, "unknown"))
}

// Skew is how far the ledger's clock, which is the one that counts, is ahead of the
// worker's.
func (w Worker) Skew() time.Duration { return time.Duration(w.SkewMS) * time.Millisecond }

// Older returns one that lives and promises less than a safety level, if there is one.
func Older(all []Worker, level int) (Worker, bool) {
	for _, w := range all {
		if w.Lives && w.Safety < level {
			return w, true
		}
	}
	return Worker{}, false
}

// Outdated returns one that lives beside another which promises more, if there is one.
func Outdated(all []Worker) (Worker, bool) {
	highest := 0
	for _, w := range all {
		if w.Lives {
			highest = max(highest, w.Safety)
		}
	}
	return Older(all, highest)
}

// Workers returns the workers that live, and those that neither live nor signed
// off; the latter for a day. Entries that this version cannot read are left out.
func (l *Ledger) Workers(ctx context.Context) ([]Worker, error) {
	pipe := l.rdb.TxPipeline()
	clock, entries := pipe.Time(ctx), pipe.HGetAll(ctx, WorkersKey)
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	var all []Worker
	for _, entry := range entries.Val() {
		if w, ok := decodeWorker(entry); ok {
			w.Silent = clock.Val().Sub(w.LastBeat).Abs() // the future was dated before Redis' clock was set back
			w.Lives = w.Silent <= WorkerLife
			all = append(all, w)
		}
	}
	return all, nil
}

func decodeWorker(entry string) (w Worker, ok bool) {
	beat, text, _ := strings.Cut(entry, " ")
	ms, err := strconv.ParseInt(beat, 10, 64)
	if err != nil || json.Unmarshal([]byte(text), &w) != nil {
		return w, false
	}
	w.LastBeat = time.UnixMilli(ms).UTC()
	return w, true
}
