package boot

import (
	"errors"
	"strings"
	"sync"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs/events"
)

// NATS returns at once, whether or not a server answers, and logs when the
// connection goes and comes. Close it with js.Conn().Close(). The error is a
// [*config.Error].
func NATS(cfg config.NATS, name string, log zerolog.Logger) (jetstream.JetStream, error) {
	at, err := NATSAt(cfg, name)
	if err != nil {
		return nil, err
	}
	at.Disconnected = func(err error) { log.Warn().Err(err).Msg("NATS is away; events come later") }
	at.Reconnected = func(server string) { log.Info().Str("server", server).Msg("NATS is back") }
	at.Failed = once(func(err error) { log.Warn().Err(err).Msg("NATS reports a fault") })
	TellUnreached(&at, func(why string) {
		log.Warn().Str("server", cfg.URL.String()).Msg("NATS is not reached: " + why + " Until then events wait in Redis.")
	})
	js, err := events.Connect(at)
	if err != nil {
		return nil, refused("NATS_URL", err)
	}
	return js, nil
}

// NATSAt is for who needs a connection with manners of its own. The error is a
// [*config.Error].
func NATSAt(cfg config.NATS, name string) (events.Connection, error) {
	encrypted, err := cfg.TLS().Config()
	if err != nil {
		return events.Connection{}, refused("SPONSORSYNC_NATS_CA_FILE", err)
	}
	return events.Connection{
		URL: cfg.URL.Reveal(), Name: name, TLS: encrypted,
		CredsFile: cfg.CredsFile, NKeyFile: cfg.NKeyFile, Domain: cfg.Domain,
	}, nil
}

// once passes each kind of error on once: a forbidden request is made again and
// again, with a new name behind the quotation mark.
func once(tell func(error)) func(error) {
	var told sync.Map
	return func(err error) {
		kind, _, _ := strings.Cut(err.Error(), `"`)
		if _, again := told.LoadOrStore(kind, true); !again {
			tell(err)
		}
	}
}

// TellUnreached has a connection tell why it is not there and what to do: each cause
// once, until it is back, for a client that tries each second has the same to tell for hours.
func TellUnreached(at *events.Connection, tell func(why string)) {
	var mu sync.Mutex
	last, back := "", at.Reconnected
	at.Unreached = func(err error) {
		mu.Lock()
		defer mu.Unlock()
		why, hint := NATSAdvice(err)
		if text := why + ". " + hint; text != last {
			last = text
			tell(text)
		}
	}
	at.Reconnected = func(server string) {
		mu.Lock()
		last = ""
		mu.Unlock()
		if back != nil {
			back(server)
		}
	}
}

// NATSAdvice says why a server was not reached, and what to do about it.
func NATSAdvice(err error) (why, hint string) {
	switch text := err.Error(); {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return "it refuses the credentials", "Check the user in NATS_URL, or SPONSORSYNC_NATS_CREDS_FILE or SPONSORSYNC_NATS_NKEY_FILE."
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there", "Start nats-server, or correct NATS_URL."
	case strings.Contains(text, "x509: "), strings.Contains(text, "tls: "), errors.Is(err, nats.ErrSecureConnRequired):
		return text, "See to the certificates: SPONSORSYNC_NATS_CA_FILE has those that sign the server's own, SPONSORSYNC_NATS_CERT_FILE is ours."
	case strings.Contains(text, "nkey"), strings.Contains(text, "JWT"):
		return text, "Look whether SPONSORSYNC_NATS_CREDS_FILE holds a JWT and its seed."
	default:
		return text, "Start nats-server, or correct NATS_URL."
	}
}
