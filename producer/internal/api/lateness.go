package api

import "time"

// lateAfter is how long events may be away before a reader hears of it: a restart
// of NATS is no news.
const lateAfter = 2 * time.Second

// The states of an event stream that a reader hears of.
const (
	stateLate = "late" // events come later, none is lost
	stateLive = "live" // and now they come as they happen
)

// lateness decides when the reader of one event stream hears that events are
// late, and that they no longer are.
type lateness struct {
	hub    *Hub
	turned <-chan struct{} // closed when look must be called
	timer  *time.Timer     // runs out when expire must be called
	told   bool            // the reader knows that events are late
}

func newLateness(hub *Hub) *lateness {
	l := &lateness{hub: hub, timer: time.NewTimer(lateAfter)}
	l.look()
	return l
}

// look returns the state to tell the reader, or "".
func (l *lateness) look() string {
	var live bool
	live, l.turned = l.hub.Live()
	if !live {
		l.timer.Reset(lateAfter)
		return ""
	}
	l.timer.Stop()
	if !l.told {
		return ""
	}
	l.told = false
	return stateLive
}

// expire returns the state to tell the reader, or "".
func (l *lateness) expire() string {
	if l.told {
		return ""
	}
	l.told = true
	return stateLate
}
