// Package stopsignal says which signals end a program in good order. It never handles one
// itself: that is os/signal's.
package stopsignal

import (
	"os"
	"os/signal"
	"syscall"
)

// All are the signals after which a program drains and ends: Ctrl-C, SIGTERM, and SIGHUP,
// by which a closed terminal, or a supervisor that knows no better, would end it at once.
// Under nohup SIGHUP stays ignored.
func All() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}
