package queue

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
)

// With Redis away asynq's loops repeat themselves: each kind of error is told once a
// while, and another kind is not hidden by it.
func TestRepeatedErrorsOfTheQueueAreToldOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := asynqLog{zerolog.New(&out).Level(zerolog.InfoLevel), &sync.Map{}}
	for range 10 {
		log.Error("Failed to forward scheduled tasks: ", "connection refused")
		log.Error("Dequeue error: ", "connection refused")
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, &out)
	}
}
