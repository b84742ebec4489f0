package relay_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

func TestAStreamThatIsNotReadyIsSaidAndHoldsNothingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(1)
		b.stream.unready = errors.New("no JetStream here")
		b.outbox.add(0, "a.1")
		stop := b.run(t)
		synctest.Wait()
		stop()
		equal(t, "tries to make the stream", b.stream.ensured, 1)
		equal(t, "stream", b.stream.ids(), "a.1")
		if !strings.Contains(b.log.String(), "no JetStream here") {
			t.Errorf("the log does not say why:\n%s", b.log.String())
		}
	})
}
