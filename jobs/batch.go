package jobs

import (
	"encoding/json"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// MostItems is how many jobs one batch holds at most: as many as one script carries out.
const MostItems = 200

// Batch are jobs that the queue holds as one, since they were enqueued together. Each has
// an id, a place and an end of its own.
type Batch struct {
	Items []Item `json:"items"`
}

// Item is one job of a batch.
type Item struct {
	ID   string          `json:"id"`
	Kind Kind            `json:"kind"`
	Args json.RawMessage `json:"args"` // as [Encode] makes them
}

// Encode writes the batch as JSON. The arguments are taken as they are: whoever puts
// them in has encoded them.
func (b Batch) Encode() ([]byte, error) {
	size := 16
	for _, i := range b.Items {
		size += len(i.ID) + len(i.Kind) + len(i.Args) + 32
	}
	text := append(make([]byte, 0, size), `{"items":[`...)
	for n, i := range b.Items {
		head, err := json.Marshal(struct {
			ID   string `json:"id"`
			Kind Kind   `json:"kind"`
		}{i.ID, i.Kind})
		if err != nil {
			return nil, fault.Wrap(fault.InvalidArguments, err, "encode a batch: the id of item %d is not representable as JSON", n)
		}
		if n > 0 {
			text = append(text, ',')
		}
		text = append(append(append(append(text, head[:len(head)-1]...), `,"args":`...), i.Args...), '}')
	}
	return append(text, `]}`...), nil
}

// DecodeBatch reads a batch, not the arguments of its items: one that cannot be read is
// its own failure.
func DecodeBatch(payload []byte) (Batch, error) {
	var b Batch
	if err := json.Unmarshal(payload, &b); err != nil {
		return b, fault.Wrap(fault.InvalidArguments, err, "a batch of jobs cannot be read: it is no JSON of the form {\"items\":[...]}")
	}
	return b, nil
}
