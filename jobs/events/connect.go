package events

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Connection says where NATS is and whom to tell about its ups and downs. The
// functions may be nil; none of them ever sees the URL's credentials.
type Connection struct {
	URL       string // one or more, separated by commas
	CredsFile string // read anew at every reconnect, so it may be replaced
	Name      string // shown in the server's list of connections

	Disconnected func(error)
	Reconnected  func(server string)
	Failed       func(error) // such as a slow consumer or a refused permission
}

// Connect returns at once, also when no server answers: it keeps trying for as
// long as the process lives, and so does everything else in this package. An
// error means that the configuration cannot work. Close js.Conn() when done.
func Connect(c Connection) (jetstream.JetStream, error) {
	nc, err := nats.Connect(c.URL, c.options()...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	js, err := jetstream.New(nc,
		jetstream.WithPublishAsyncTimeout(ackTimeout), jetstream.WithPublishAsyncMaxPending(maxPending))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	return js, nil
}

// options overrides nats.go's defaults where they give up: after 60 tries, at
// the first failed connect, or when credentials are refused twice. There is no
// buffer for messages while disconnected, because a publish that returned an
// error must not be delivered behind the caller's back.
func (c Connection) options() []nats.Option {
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
	return append(options, c.callbacks()...)
}

func (c Connection) callbacks() []nats.Option {
	return []nats.Option{
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if c.Disconnected != nil && err != nil { // nil: we closed it ourselves
				c.Disconnected(err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			if c.Reconnected != nil {
				c.Reconnected(nc.ConnectedUrlRedacted())
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if c.Failed != nil {
				c.Failed(err)
			}
		}),
	}
}
