package console

import "github.com/sponsorsync/sponsorsync/jobs/sponsorship"

// What the tests of pure parts see.
var (
	Ago     = ago
	Ceiling = ceiling
)

// BarWidths are the parts of a bar.
func BarWidths(counts map[sponsorship.Status]int64) (widths []int) {
	for _, p := range newBar(counts).Parts {
		widths = append(widths, p.W)
	}
	return widths
}
