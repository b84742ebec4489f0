package alert

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// repeat is how often something that lasts is told again.
const repeat = 24 * time.Hour

// told is what was delivered of an alert, as it is kept.
type told struct {
	Alert
	At time.Time `json:"at"` // when it was told last
}

// message is the data of one webhook.
type message struct {
	Begun []Alert `json:"begun"` // or still there after a day
	Ended []Alert `json:"ended"`
	Open  int     `json:"open"` // how many there are altogether
}

// plan holds what is open against what was told, and returns what is to be told now.
func plan(open []Alert, before map[string]told, now time.Time) message {
	m := message{Begun: []Alert{}, Ended: []Alert{}, Open: len(open)}
	still := map[string]bool{}
	for _, a := range open {
		still[a.key()] = true
		t, known := before[a.key()]
		if known {
			a.Since = t.Since
		}
		if !known || now.Sub(t.At) >= repeat {
			m.Begun = append(m.Begun, a)
		}
	}
	for key, t := range before {
		if !still[key] {
			m.Ended = append(m.Ended, t.Alert)
		}
	}
	slices.SortFunc(m.Ended, func(a, b Alert) int { return cmp.Compare(a.key(), b.key()) })
	return m
}

func (m message) empty() bool { return len(m.Begun)+len(m.Ended) == 0 }

// most is how many alerts a message lists of each sort; the rest follows with the next
// look, so that no message grows with the number of organizations.
const most = 50

func (m message) bounded() message {
	m.Begun, m.Ended = m.Begun[:min(len(m.Begun), most)], m.Ended[:min(len(m.Ended), most)]
	return m
}

// id names a message by what it says: one that is sent again, after an answer that was
// lost, has the same. A reminder is another one each day.
func (m message) id(now time.Time) string {
	sum := sha256.New()
	for _, a := range m.Begun {
		sum.Write([]byte("begun " + a.key() + " " + a.Since.UTC().Format(time.RFC3339Nano) + " " + now.UTC().Sub(a.Since).Truncate(repeat).String() + "\n"))
	}
	for _, a := range m.Ended {
		sum.Write([]byte("ended " + a.key() + " " + a.Since.UTC().Format(time.RFC3339Nano) + "\n"))
	}
	return "alert_" + hex.EncodeToString(sum.Sum(nil)[:16])
}
