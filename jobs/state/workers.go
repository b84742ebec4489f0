package state

import (
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
	StartedAt time.Time `json:"startedAt"`

	LastBeat time.Time `json:"-"` // by Redis' clock
	Lives    bool      `json:"-"` // or else it was killed, or cannot reach Redis
}

// EncodeWorker is what stands in the hash behind the date.
func EncodeWorker(w Worker) ([]byte, error) { return json.Marshal(w) }

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
			w.Lives = clock.Val().Sub(w.LastBeat) <= WorkerLife
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
