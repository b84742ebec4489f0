package reconcile

import (
	"errors"
	"net/http"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

const (
	// cautious is for how many requests after one on which the cloud choked no
	// more than fewNew new rows go in one request: what chokes it may cost every
	// new row of the request its mail.
	cautious = 10
	fewNew   = 200
	// fewest is where a batch is halved no further that the cloud did not answer in
	// time: that long is its trouble, not the batch's.
	fewest = 25
)

// limits of one request.
type limits struct {
	rows    int
	newRows int
	bytes   int // encoded
}

func (r *round) limits() limits {
	l := limits{rows: r.p.BatchSize, newRows: r.p.BatchSize, bytes: cloud.MaxBody}
	if r.most > 0 {
		l.rows = min(l.rows, r.most)
	}
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

// fewer returns how many rows the next requests may hold, after one with so many
// rows ended with err: half of what the cloud did not answer in time, so that its
// rows settle in the end, and a little more after each that was as large as it may.
func fewer(most, rows int, err error) int {
	switch {
	case tooSlow(err) && rows > fewest:
		return max(fewest, rows/2)
	case err == nil && most > 0 && rows >= most:
		return most + most/20
	}
	return most
}

// tooSlow reports whether the request's time was up, here or at a gateway.
func tooSlow(err error) bool {
	answer, ok := errors.AsType[*cloud.Error](err)
	return ok && (answer.Slow || answer.Status == http.StatusGatewayTimeout)
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
		if i > 0 && (i >= l.rows || size > l.bytes || fresh > l.newRows) {
			return i
		}
	}
	return len(items)
}
