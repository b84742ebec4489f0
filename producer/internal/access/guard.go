package access

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// The bounds on wrong tokens. A token that is repeated is no guess and counts once, so
// that programs with a token of yesterday lock nobody out who shares their address.
const (
	triesEach   = 10  // different ones a minute from one address
	triesInAll  = 300 // and from all together, for whoever has many addresses
	triesPeriod = time.Minute
	// provenFor is how long an address at which a right token was shown is never turned
	// away unheard: or a neighbor behind its proxy, or a stranger with many
	// addresses, could lock those out who belong here.
	provenFor = 24 * time.Hour
)

type digest = [sha256.Size]byte

// guard counts wrong tokens, for one process. Who has used up the bound is refused
// without a look at the token, so that the answer tells nothing about it.
type guard struct {
	mu     sync.Mutex
	until  time.Time                        // the end of the minute that is counted
	wrong  map[netip.Prefix]map[digest]bool // of this minute
	total  int                              // of those from addresses that are not proven
	proven map[netip.Prefix]time.Time       // until when
}

func newGuard() *guard {
	return &guard{wrong: map[netip.Prefix]map[digest]bool{}, proven: map[netip.Prefix]time.Time{}}
}

// attempt is one token that was shown.
type attempt struct {
	at    time.Time
	peer  netip.Prefix
	token digest
}

// try calls right unless too many wrong tokens came before. First is true for the
// first wrong one of an address in a minute; wait is positive where the answer is "later".
func (g *guard) try(a attempt, right func() bool) (known, first bool, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn(a.at)
	tried := g.wrong[a.peer]
	proven := a.at.Before(g.proven[a.peer])
	full := !tried[a.token] && (len(tried) >= triesEach || !proven && g.total >= triesInAll)
	if full && !proven {
		return false, false, g.until.Sub(a.at)
	}
	if right() {
		g.proven[a.peer] = a.at.Add(provenFor)
		return true, false, 0
	}
	if full {
		return false, false, g.until.Sub(a.at)
	}
	g.count(a, proven)
	return false, len(tried) == 0, 0
}

func (g *guard) count(a attempt, proven bool) {
	tried := g.wrong[a.peer]
	if tried[a.token] {
		return
	}
	if tried == nil {
		tried = map[digest]bool{}
		g.wrong[a.peer] = tried
	}
	tried[a.token] = true
	if !proven {
		g.total++
	}
}

// turn begins a new minute where the old one is over; until is then never far ahead,
// also after the clock was set back.
func (g *guard) turn(at time.Time) {
	if at.Before(g.until) && g.until.Sub(at) <= triesPeriod {
		return
	}
	g.until, g.total = at.Add(triesPeriod), 0
	clear(g.wrong)
	for peer, until := range g.proven {
		if !at.Before(until) {
			delete(g.proven, peer)
		}
	}
}

func tooMany(wait time.Duration) error {
	return view.RetryAfter(wait, fault.New(fault.TooManyRequests, "too many wrong tokens came from this address, or from all together; this one was not looked at"))
}

// peerOf is the address that a request comes from, as far as it can be known. Of a
// proxy on this machine or in its network it is the one that the proxy has seen, the
// last of X-Forwarded-For: whoever makes one up from there still meets the bound of all.
// IPv6 counts by the network of 64 bits, which one household has for itself.
func peerOf(r *http.Request) netip.Prefix {
	direct, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	addr := direct.Addr().Unmap()
	if all := r.Header.Values("X-Forwarded-For"); len(all) > 0 && (addr.IsLoopback() || addr.IsPrivate()) {
		last := all[len(all)-1]
		last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
		if seen, err := netip.ParseAddr(last); err == nil {
			addr = seen.Unmap()
		}
	}
	addr = addr.WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits)
	return prefix
}
