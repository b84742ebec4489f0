package cloud

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of Retry-After: less would be no pause, and more is somebody's mistake.
const (
	minPause = time.Second
	maxPause = time.Hour
)

// parseRetryAfter reads both forms of Retry-After (RFC 9110, 10.2.3), within
// bounds; 0 when there is none.
func parseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	seconds, err := strconv.ParseUint(value, 10, 32)
	if err == nil || errors.Is(err, strconv.ErrRange) { // out of range: the largest, and still bounded
		return clampPause(time.Duration(seconds) * time.Second)
	}
	if date, err := http.ParseTime(value); err == nil {
		return clampPause(date.Sub(now))
	}
	return 0
}

func clampPause(d time.Duration) time.Duration { return min(max(d, minPause), maxPause) }
