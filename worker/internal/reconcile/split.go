package reconcile

import "github.com/sponsorsync/sponsorsync/worker/internal/cloud"

const (
	// cautious is for how many requests after one on which the cloud choked no
	// more than fewNew new rows go in one request: what chokes it may cost every
	// new row of the request its mail.
	cautious = 10
	fewNew   = 200
)

// limits of one request.
type limits struct {
	newRows int
	bytes   int // encoded
}

func (r *round) limits() limits {
	l := limits{newRows: r.p.BatchSize, bytes: cloud.MaxBody}
	if r.caution > 0 {
		l.newRows = min(l.newRows, fewNew)
	}
	return l
}

// careful is how many cautious requests are left after one that ended with err.
func careful(left int, err error) int {
	if choked(err) {
		return cautious
	}
	return max(0, left-1)
}

// fitting returns how many of the items, from the first, one request may hold;
// at least one.
func fitting(items []item, l limits) int {
	size, fresh := cloud.MaxEnvelope, 0
	for i, row := range wire(items) {
		size += row.MaxBytes()
		if !row.Delete && !items[i].out.Marked.Wire.Known {
			fresh++
		}
		if i > 0 && (size > l.bytes || fresh > l.newRows) {
			return i
		}
	}
	return len(items)
}
