package console

import (
	"fmt"
	"time"
)

// ago is a time as seen from now, in whole units: the larger ones say enough.
func ago(now, at time.Time) string {
	d := now.Sub(at)
	if d < 0 {
		return "in " + span(-d)
	}
	if d < 10*time.Second {
		return "just now"
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		name string
		of   time.Duration
		from time.Duration // below it the next smaller unit says more
	}{{"day", day, 2 * day}, {"hour", time.Hour, 2 * time.Hour}, {"minute", time.Minute, 2 * time.Minute}} {
		if d >= unit.from {
			return fmt.Sprintf("%d %ss", int((d+unit.of/2)/unit.of), unit.name)
		}
	}
	if d >= time.Minute {
		return "a minute"
	}
	return fmt.Sprintf("%d seconds", int(d/time.Second))
}
