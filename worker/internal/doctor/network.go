package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// host is one of the two hosts of the cloud.
type host struct {
	label string // identity or api
	url   *url.URL
}

// newHost takes a URI that config has checked; an empty one has no URL.
func newHost(label, uri string) host {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return host{label: label}
	}
	return host{label, u}
}

// checks are the names of the checks of a host, in their order.
func (h host) checks() []string {
	return []string{h.label + " name", h.label + " connection", h.label + " TLS"}
}

// firewall is the guide's advice, with the host in question.
func (h host) firewall() string {
	return fmt.Sprintf("Allow outgoing connections to %s://%s in your firewall.", h.url.Scheme, h.url.Host)
}

// way is how to get to the cloud: as the worker does.
type way struct {
	client *http.Client
	proxy  func(*http.Request) (*url.URL, error) // may be nil
	now    func() time.Time
}

// trip is what was seen on the way to one host.
type trip struct {
	host    host
	checks  []Check
	arrived bool
	dated   bool
	ahead   time.Duration // this server's clock, if dated
}

// walk tries name, connection and TLS; after the first that fails the others
// are not tried.
func (w way) walk(ctx context.Context, h host) trip {
	t := trip{host: h}
	if h.url == nil {
		t.checks = skipped("globalSettings__installation__"+h.label+"Uri is not understood", h.checks()...)
		return t
	}
	steps := []func(context.Context, string, *trip) Check{w.resolve, w.connect, w.shakeHands}
	for i, name := range h.checks() {
		bounded, cancel := context.WithTimeout(ctx, probeTimeout)
		check := steps[i](bounded, name, &t)
		cancel()
		t.checks = append(t.checks, check)
		if failed(check) {
			t.checks = append(t.checks, skipped(name+" failed", h.checks()[i+1:]...)...)
			return t
		}
	}
	t.arrived = true
	return t
}

// next is the first stop: the host, or the proxy in front of it.
func (w way) next(h host) (stop *url.URL, note string) {
	if w.proxy == nil {
		return h.url, ""
	}
	proxy, err := w.proxy(&http.Request{Method: http.MethodHead, URL: h.url, Host: h.url.Host})
	if err != nil || proxy == nil {
		return h.url, ""
	}
	return proxy, " (the proxy in front of " + h.url.Host + ")"
}

func (w way) resolve(ctx context.Context, name string, t *trip) Check {
	stop, note := w.next(t.host)
	if net.ParseIP(stop.Hostname()) != nil {
		return good(name, "%s is an IP address%s", stop.Hostname(), note)
	}
	addresses, err := net.DefaultResolver.LookupHost(ctx, stop.Hostname())
	if err != nil {
		return bad(name, "Check this server's DNS (in a container: the container's). "+t.host.firewall(), "%s%s: %s", stop.Hostname(), note, reason(err))
	}
	return good(name, "%s%s has %d addresses", stop.Hostname(), note, len(addresses))
}

func (w way) connect(ctx context.Context, name string, t *trip) Check {
	stop, note := w.next(t.host)
	defaults := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}
	address := net.JoinHostPort(stop.Hostname(), cmp.Or(stop.Port(), defaults[stop.Scheme]))
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return bad(name, t.host.firewall(), "%s%s: %s", address, note, reason(err))
	}
	_ = conn.Close()
	return good(name, "%s%s accepts connections", address, note)
}

// shakeHands makes a request: whatever the answer, it proves the way there, and
// it tells the time.
func (w way) shakeHands(ctx context.Context, name string, t *trip) Check {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, t.host.url.String(), nil)
	if err != nil {
		return bad(name, "", "%s", reason(err))
	}
	before := w.now()
	response, err := w.client.Do(request)
	if err != nil {
		return bad(name, "A firewall or a proxy may be in between, whose certificate is not trusted here (SSL_CERT_FILE). "+t.host.firewall(),
			"%s: %s", t.host.url.Host, reason(err))
	}
	defer func() { _ = response.Body.Close() }()
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		now := w.now()
		t.dated, t.ahead = true, now.Add(-now.Sub(before)/2).Sub(date)
	}
	if response.TLS == nil {
		return good(name, "not used for %s, which answers", t.host.url.Host)
	}
	return good(name, "%s answers, and its certificate is trusted", t.host.url.Host)
}
