package doctor

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// token asks for a token by the client that the worker asks with, unless a worker has
// shared one; what it is granted is shared, too, so that none is spent for the check.
func (d *doctor) token(ctx context.Context, transport http.RoundTripper, way trip) Check {
	c := d.Settings.Cloud
	switch {
	case !way.arrived:
		return skipped("there is no way to the identity host", nameToken)[0]
	case c.InstallationID == "" || c.InstallationKey == "":
		return skipped("globalSettings__installation__id or globalSettings__installation__key is missing", nameToken)[0]
	}
	tokens, done := d.tokens()
	defer done()
	asked := false
	client, err := cloud.New(cloud.Params{
		Config: cloud.Config{
			IdentityURI: c.IdentityURI, APIURI: c.APIURI, InstallationID: c.InstallationID,
			InstallationKey: c.InstallationKey, Version: boot.Version(), Timeout: probeTimeout,
		},
		Limiter: unlimited{}, Now: d.Now, Rand: rand.Float64, Log: zerolog.Nop(), Transport: transport, Tokens: tokens,
		Observe: func(string, string, time.Duration) { asked = true },
	})
	if err != nil { // another setting has a fault, which stands in the report already
		return skipped(err.Error(), nameToken)[0]
	}
	defer client.Close()
	check := tokenCheck(client.CheckToken(ctx), way.host)
	if check.Status == OK && !asked {
		check.Detail = "one that was granted before is still good: installation id, key and region fit together; the cloud was not asked again"
	}
	return check
}

// tokens are those that are shared through Redis; none without it, or without the key.
func (d *doctor) tokens() (shared cloud.Tokens, done func()) {
	sealer, err := boot.Sealer(d.Settings.EncryptionKeys)
	if err != nil || sealer == nil || d.Settings.Redis.URL == "" {
		return nil, func() {}
	}
	rdb, err := boot.Redis(d.Settings.Redis)
	if err != nil {
		return nil, func() {}
	}
	return cloud.SharedTokens{Redis: rdb, Sealer: sealer, Now: d.Now}, func() { _ = rdb.Close() }
}

// tokenCheck puts the client's own classification into a check.
func tokenCheck(err error, h host) Check {
	var failure *cloud.Error
	if err == nil {
		return good(nameToken, "granted: installation id, key and region fit together")
	}
	if !errors.As(err, &failure) {
		return bad(nameToken, "", "%s", reason(err))
	}
	code, says := failure.Fault.Code, failure.Fault.Message
	switch {
	case failure.Status == 0:
		return bad(nameToken, h.firewall(), "%s", says)
	case code == fault.CloudRateLimited:
		return doubtful(nameToken, code.Hint(), "%s", says)
	}
	return bad(nameToken, code.Hint(), "%s", says)
}

// unlimited lets the one request pass: the workers' limit is kept in Redis, which
// may be what is broken.
type unlimited struct{}

func (unlimited) Wait(context.Context, cloud.Lane) error      { return nil }
func (unlimited) PauseUntil(context.Context, time.Time) error { return nil }
