package vault

import (
	"strconv"
	"time"
)

// Born returns when the row was created, to 1/300 s, or the zero time when id is
// not of the server's making. The server hides the time in the last group of
// its ids: four hex digits of days since 1900, eight of ticks of 1/300 s since midnight UTC.
func Born(id string) time.Time {
	if len(id) != 36 {
		return time.Time{}
	}
	days, errDays := strconv.ParseUint(id[24:28], 16, 32)
	ticks, errTicks := strconv.ParseUint(id[28:], 16, 64)
	const day = 24 * 60 * 60 * 300
	if errDays != nil || errTicks != nil || ticks >= day {
		return time.Time{}
	}
	midnight := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(days))
	return midnight.Add(time.Duration(ticks) * time.Second / 300)
}
