package relay

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// comeBack is the pause after failures in a row. The longest is short, because it
// is also how long events wait after an outage.
var comeBack = jobs.Curve{Base: 100 * time.Millisecond, Max: 5 * time.Second}

// report logs a trouble when it begins and when all are over, not at every try.
func (r *Relay) report(shard int, err error) {
	if err == nil {
		if r.troubles.over(shard) {
			r.Log.Info().Msg("events flow again")
		}
		return
	}
	if r.Metrics.Failed != nil {
		r.Metrics.Failed()
	}
	if r.troubles.begin(shard, err.Error()) {
		r.Log.Warn().Err(err).Int("shard", shard).Msg("events wait in the outbox")
	}
}

func (r *Relay) lag(shard int, entries []Entry) {
	if r.Metrics.Lag != nil {
		r.Metrics.Lag(shard, age(entries, r.Now()))
	}
}

// age reads the time of writing from the head's position. An unreadable one, or
// one from the future of another machine's clock, has no age.
func age(entries []Entry, now time.Time) time.Duration {
	if len(entries) == 0 {
		return 0
	}
	text, _, _ := strings.Cut(entries[0].Position, "-")
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return max(now.Sub(time.UnixMilli(ms)), 0)
}

// troubles remembers what is wrong with which shard. The zero value is ready.
type troubles struct {
	mu   sync.Mutex
	text map[int]string
}

// begin reports whether no shard has this trouble yet.
func (t *troubles) begin(shard int, text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := false
	for _, other := range t.text {
		known = known || other == text
	}
	if t.text == nil {
		t.text = make(map[int]string)
	}
	t.text[shard] = text
	return !known
}

// over reports whether this shard was the last one in trouble.
func (t *troubles) over(shard int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, was := t.text[shard]
	delete(t.text, shard)
	return was && len(t.text) == 0
}
