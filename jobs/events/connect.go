package events

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// Connection says where NATS is, as whom to come, and whom to tell about its ups
// and downs. The functions may be nil; none of them ever sees the URL's credentials.
type Connection struct {
	URL       string // one or more, separated by commas
	CredsFile string // read anew at every reconnect, so it may be replaced
	NKeyFile  string // holds the seed of a user's NKEY; read as CredsFile is
	Name      string // shown in the server's list of connections

	TLS    *tls.Config // own CA, client certificate; nil goes by the URL
	Domain string      // of JetStream, behind a leaf node; "" is the server's own

	// InboxPrefix is where answers arrive; "" is "_INBOX". A user who may listen
	// there sees what everybody else is answered, events included, so one who is
	// fenced to an organization has a prefix of his own.
	InboxPrefix string

	Unreached    func(error) // a try to connect has failed, the first one and each later one
	Disconnected func(error)
	Reconnected  func(server string)
	Failed       func(error) // such as a slow consumer or a refused permission
}

// Connect returns at once, also when no server answers: it keeps trying for as
// long as the process lives, and so does everything else in this package. An
// error means that the configuration cannot work. Close js.Conn() when done.
func Connect(c Connection) (jetstream.JetStream, error) {
	options, err := c.Options()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(c.URL, options...)
	if _, quoted := errors.AsType[*url.Error](err); quoted {
		err = errors.New("the URL cannot be read") // the cause quotes it
	}
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	js, err := c.JetStream(nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return js, nil
}

// JetStream opens it, in the domain, on a connection that is there.
func (c Connection) JetStream(nc *nats.Conn) (jetstream.JetStream, error) {
	options := []jetstream.JetStreamOpt{jetstream.WithPublishAsyncTimeout(ackTimeout), jetstream.WithPublishAsyncMaxPending(maxPending)}
	open := func() (jetstream.JetStream, error) { return jetstream.New(nc, options...) }
	if c.Domain != "" {
		open = func() (jetstream.JetStream, error) { return jetstream.NewWithDomain(nc, c.Domain, options...) }
	}
	js, err := open()
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	return js, nil
}

// Options are those of [Connect], for a connection of another kind. They override
// nats.go's defaults where they give up: after 60 tries, at
// the first failed connect, or when credentials are refused twice. There is no
// buffer for messages while disconnected, because a publish that returned an
// error must not be delivered behind the caller's back.
func (c Connection) Options() ([]nats.Option, error) {
	options := []nats.Option{
		nats.Name(c.Name),
		nats.Timeout(5 * time.Second),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectBufSize(-1),
		nats.ReconnectWait(time.Second),
		nats.ReconnectJitter(500*time.Millisecond, time.Second),
		nats.PingInterval(10 * time.Second), // a hung server is noticed after 30 s
	}
	if c.CredsFile != "" {
		options = append(options, nats.UserCredentials(c.CredsFile))
	}
	if c.NKeyFile != "" {
		signer, err := nats.NkeyOptionFromSeed(c.NKeyFile)
		if err != nil {
			return nil, fmt.Errorf("read NKEY seed of a user from %s: %w", c.NKeyFile, err)
		}
		options = append(options, signer)
	}
	if c.TLS != nil {
		options = append(options, nats.Secure(c.TLS))
	}
	if c.InboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(c.InboxPrefix))
	}
	return append(options, c.callbacks()...), nil
}

func (c Connection) callbacks() []nats.Option {
	return []nats.Option{
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			if c.Unreached != nil && err != nil {
				c.Unreached(err)
			}
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if c.Disconnected != nil && err != nil { // nil: we closed it ourselves
				c.Disconnected(err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			if c.Reconnected != nil {
				c.Reconnected(ServerOf(nc))
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if c.Failed != nil {
				c.Failed(err)
			}
		}),
	}
}

// ServerOf names the server that a connection has reached, or "". The client's own
// word for it shows a token that stands in the user's place.
func ServerOf(nc *nats.Conn) string { return secret.Address(nc.ConnectedUrl()).String() }
