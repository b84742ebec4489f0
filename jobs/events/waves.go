package events

// waves cuts a batch into rounds that may each be published all at once. It
// returns indexes: each wave holds at most one event of a key, and those of one
// key come in waves in their order. So an event is in flight only when all
// earlier ones of its key have been acknowledged.
func waves(batch []Encoded, size int) [][]int {
	var cut [][]int
	next := make(map[string]int) // key -> first wave that its next event may join
	open := 0                    // waves before this one are full
	for i, e := range batch {
		w := max(next[e.Key], open)
		for w < len(cut) && len(cut[w]) >= size {
			w++
		}
		if w == len(cut) {
			cut = append(cut, nil)
		}
		cut[w] = append(cut[w], i)
		next[e.Key] = w + 1
		for open < len(cut) && len(cut[open]) >= size {
			open++
		}
	}
	return cut
}
