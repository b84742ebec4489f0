package doctor

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// The names of the checks that call the cloud.
const (
	nameToken = "installation token"
	nameClock = "clock"
)

// cloud checks step 1 of the guide: the switch, the region, the way to both
// hosts, the credentials, the clock.
func (d *doctor) cloud(ctx context.Context) []Check {
	c := d.Settings.Cloud
	identity, api := newHost("identity", c.IdentityURI), newHost("api", c.APIURI)
	static := regions(c)
	if !c.Enabled {
		off := bad("cloud communication", fault.CloudCommunicationDisabled.Hint(), "cloud communication is disabled")
		names := slices.Concat(identity.checks(), api.checks(), []string{nameToken, nameClock})
		return slices.Concat([]Check{off}, static, skipped("cloud communication is disabled", names...))
	}
	checks := append([]Check{good("cloud communication", "enabled")}, static...)

	client, transport := d.client()
	defer transport.CloseIdleConnections()
	w := way{client: client, proxy: transport.Proxy, now: d.Now}
	var toIdentity, toAPI trip
	var running sync.WaitGroup
	running.Go(func() { toIdentity = w.walk(ctx, identity) })
	running.Go(func() { toAPI = w.walk(ctx, api) })
	running.Wait()

	checks = slices.Concat(checks, toIdentity.checks, toAPI.checks)
	return append(checks, d.token(ctx, transport, toIdentity), clock(toIdentity, toAPI))
}

// client makes requests like the worker's, through the same proxy, and follows
// no redirect.
func (d *doctor) client() (*http.Client, *http.Transport) {
	transport := d.Transport
	if transport == nil {
		transport, _ = http.DefaultTransport.(*http.Transport)
		if transport == nil { // somebody replaced it
			transport = &http.Transport{Proxy: http.ProxyFromEnvironment}
		}
		transport = transport.Clone()
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, transport
}

// What the clock may be off: signed hooks allow 5 minutes either way, a
// license's token nothing at all.
const (
	clockDoubtful = 30 * time.Second
	clockBad      = 5 * time.Minute
)

// clock compares with the Date header of whichever host answered.
func clock(trips ...trip) Check {
	i := slices.IndexFunc(trips, func(t trip) bool { return t.dated })
	if i < 0 {
		return skipped("no host told the time", nameClock)[0]
	}
	ahead := trips[i].ahead.Round(time.Second)
	const hint = "Synchronize this server's clock (NTP): tokens, licenses and signed hooks are checked against it."
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	switch {
	case ahead.Abs() >= clockBad:
		return bad(nameClock, hint, "%s %s the cloud's", ahead.Abs(), direction)
	case ahead.Abs() >= clockDoubtful:
		return doubtful(nameClock, hint, "%s %s the cloud's", ahead.Abs(), direction)
	}
	return good(nameClock, "agrees with the cloud's")
}
