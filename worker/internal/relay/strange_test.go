package relay_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// More of it than one round takes, so that it would block the shard if it stayed.
func TestWhatIsNoEventIsSetAsideAndBlocksNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(1)
		for n := range 300 {
			b.outbox.put(0, ledger.OutboxEntry{Position: fmt.Sprint(n), Foreign: errors.New("subject $JS.API.STREAM.DELETE")})
		}
		b.outbox.add(0, "a.1", "a.2")
		stop := b.run(t)
		synctest.Wait()
		stop()
		equal(t, "stored", b.stream.ids(), "a.1 a.2")
		equal(t, "set aside", len(b.outbox.aside), 300)
		equal(t, "counted", b.aside, 300)
		equal(t, "log lines", strings.Count(b.log.String(), "\n"), 1)
	})
}

// What stands behind an entry that cannot be read may be of the same key.
func TestWhatANewerVersionWroteIsLeftToIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(1)
		b.outbox.add(0, "a.1")
		b.outbox.put(0, ledger.OutboxEntry{Position: "new", Newer: true})
		b.outbox.add(0, "a.3")
		stop := b.run(t)
		time.Sleep(time.Minute)
		stop()
		equal(t, "stored", b.stream.ids(), "a.1")
		equal(t, "left in the outbox", b.outbox.left(), 2)
		equal(t, "set aside", len(b.outbox.aside), 0)
		equal(t, "log lines", strings.Count(b.log.String(), "a newer version"), 1)
	})
}

func TestADuplicateThatWasNeverSentIsNoticed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(1)
		lost := true
		b.stream.chaos = func() error { // the first acknowledgement
			if lost {
				lost = false
				return errors.New("the acknowledgement was lost")
			}
			return nil
		}
		b.outbox.add(0, "a.1")
		stop := b.run(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		equal(t, "duplicates in the stream", b.stream.duplicates, 1)
		equal(t, "of them strange", b.duplicates, 0)
		b.outbox.add(0, "a.1", "b.1", "b.1") // as after the ledger was put back
		synctest.Wait()
		stop()
		equal(t, "strange", b.duplicates, 2)
		equal(t, "log lines", strings.Count(b.log.String(), "before this worker first sent them"), 1)
		equal(t, "left in the outbox", b.outbox.left(), 0)
	})
}
