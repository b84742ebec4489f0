package stopsignal_test

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/stopsignal"
)

func TestAHangupEndsAProgramUnlessItIsIgnored(t *testing.T) {
	defer signal.Reset(syscall.SIGHUP)
	for _, ignored := range []bool{false, true} {
		if ignored {
			signal.Ignore(syscall.SIGHUP) // as nohup does
		}
		if slices.Contains(stopsignal.All(), os.Signal(syscall.SIGHUP)) == ignored {
			t.Errorf("SIGHUP ignored: %t, and among the signals: %t", ignored, !ignored)
		}
	}
}
