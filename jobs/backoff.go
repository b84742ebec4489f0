package jobs

import (
	"math"
	"time"
)

// Curve is an exponential backoff: Base, 2 x Base, 4 x Base ... up to Max.
type Curve struct{ Base, Max time.Duration }

// Backoff returns the delay before the next try after the given number of
// failures (1 is the first), spread by a fifth either way but never over Max; rnd
// is in [0, 1).
//
// With the defaults, 2 s and 1 h, the first steps are short because a person
// waits on a sponsorship, and an outage of days costs one try an hour.
func Backoff(failures int, c Curve, rnd float64) time.Duration {
	step := float64(c.Base) * math.Pow(2, float64(max(failures, 1)-1))
	step = math.Min(step, float64(c.Max)) * (0.8 + 0.4*rnd)
	return time.Duration(math.Min(step, float64(c.Max)))
}
