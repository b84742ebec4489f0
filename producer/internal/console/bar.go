package console

import (
	"fmt"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

const (
	barWidth = 1000
	leastBar = 8 // one among thousands is still seen
)

// bar is the statuses of an organization, side by side, each as wide as its part.
type bar struct {
	Total int64
	Label string // what a screen reader says in its place
	Parts []barPart
}

type barPart struct {
	Status sponsorship.Status
	Word   string
	Count  int64
	X, W   int // of barWidth
}

func newBar(counts map[sponsorship.Status]int64) bar {
	var b bar
	for _, s := range sponsorship.Statuses() {
		if n := counts[s]; n > 0 {
			b.Total += n
			b.Parts = append(b.Parts, barPart{Status: s, Word: view.Word(s), Count: n})
		}
	}
	room := barWidth - leastBar*len(b.Parts)
	words, x := make([]string, len(b.Parts)), 0
	for i := range b.Parts {
		p := &b.Parts[i]
		p.X, p.W = x, leastBar+int(int64(room)*p.Count/b.Total)
		x += p.W
		words[i] = fmt.Sprintf("%d %s", p.Count, strings.ToLower(p.Word))
	}
	if n := len(b.Parts); n > 0 {
		b.Parts[n-1].W += barWidth - x
	}
	b.Label = strings.Join(words, ", ")
	return b
}
