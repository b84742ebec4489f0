package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/events"
)

const (
	nameNATS      = "nats"
	nameJetStream = "jetstream"
	nameStream    = "event stream"
)

// nats checks where events go.
func (d *doctor) nats(ctx context.Context) []Check {
	n := d.Settings.NATS
	if n.URL == "" {
		return skipped("NATS_URL is not understood", nameNATS, nameJetStream, nameStream)
	}
	at, err := boot.NATSAt(n, "sponsorsync doctor")
	if err != nil {
		return append([]Check{bad(nameNATS, "Correct the file.", "%s", err)}, skipped(nameNATS+" failed", nameJetStream, nameStream)...)
	}
	allowed, forbid := context.WithCancelCause(ctx) // until a question is forbidden, which gets no answer
	defer forbid(nil)
	at.Failed = forbid
	nc, err := connectOnce(at)
	if err != nil {
		return append([]Check{natsAway(fmt.Sprint(n.URL), err)}, skipped(nameNATS+" failed", nameJetStream, nameStream)...)
	}
	defer nc.Close()
	if err := events.Health(nc); errors.Is(err, events.ErrServerTooOld) {
		old := bad(nameNATS, "Update nats-server to "+events.LeastServer+" or newer (Debian 12's own is older; nats.io has packages and images). "+
			"Until then sponsorships go on, but nobody can rely on reading events.", "%s: %s", n.URL, err)
		return append([]Check{old}, skipped(nameNATS+" failed", nameJetStream, nameStream)...)
	}
	reached := good(nameNATS, "%s answers, version %s", events.ServerOf(nc), nc.ConnectedServerVersion())
	js, err := at.JetStream(nc)
	if err != nil {
		return append([]Check{reached}, bad(nameJetStream, "", "%s", err))
	}
	return append([]Check{reached}, d.jetStream(ctx, allowed, js)...)
}

// connectOnce is for a look: what does not answer now is away.
func connectOnce(at events.Connection) (*nats.Conn, error) {
	options, err := at.Options()
	if err != nil {
		return nil, err
	}
	return nats.Connect(at.URL, append(options, nats.Timeout(probeTimeout), nats.RetryOnFailedConnect(false), nats.NoReconnect())...)
}

func natsAway(url string, err error) Check {
	_, hint := boot.NATSAdvice(err)
	return bad(nameNATS, hint+" Until then sponsorships go on, and their events wait in Redis.", "%s: %s", url, natsReason(err))
}

func natsReason(err error) string {
	if why, _ := boot.NATSAdvice(err); why != err.Error() {
		return why
	}
	return reason(err)
}

// jetStream asks what the worker does not need to know, so a refusal says nothing of it.
func (d *doctor) jetStream(ctx, allowed context.Context, js jetstream.JetStream) []Check {
	bounded, cancel := context.WithTimeout(allowed, probeTimeout)
	defer cancel()
	_, err := js.AccountInfo(bounded)
	switch forbidden := context.Cause(allowed); {
	case err == nil:
		return []Check{good(nameJetStream, "enabled"), d.stream(ctx, js)}
	case forbidden != nil && ctx.Err() == nil:
		const hint = "Allow this NATS user what jobs/events/NATS.md lists for doctor, or leave it: the worker does without."
		return []Check{doubtful(nameJetStream, hint, "not seen: %s", forbidden), d.stream(ctx, js)}
	}
	hint := "Start nats-server with JetStream (-js), and enable it for the account; behind a leaf node, name the domain in SPONSORSYNC_NATS_DOMAIN."
	if domain := d.Settings.NATS.Domain; domain != "" {
		hint = "Look whether the JetStream domain is called " + domain + " (SPONSORSYNC_NATS_DOMAIN), and whether the leaf node is connected to it."
	}
	return []Check{bad(nameJetStream, hint, "%s", reason(err)), skipped(nameJetStream+" failed", nameStream)[0]}
}

func (d *doctor) stream(ctx context.Context, js jetstream.JetStream) Check {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	stream, err := js.Stream(ctx, events.StreamName)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return doubtful(nameStream, "Nothing to do: the worker creates it when it starts.", "%s does not exist yet", events.StreamName)
	case err != nil:
		return bad(nameStream, "Allow this NATS user to read the stream's settings ($JS.API.STREAM.INFO."+events.StreamName+").", "%s", reason(err))
	}
	check := compareStream(stream.CachedInfo().Config, events.Settings{
		Replicas: d.Settings.NATS.Replicas, MaxBytes: int64(d.Settings.NATS.StreamBytes),
	})
	if check.Status == OK {
		return crowded(check, stream.CachedInfo())
	}
	return check
}

// serverConsumers is how many consumers nats-server allows a stream that says nothing
// itself, since 2.15 (its JSDefaultMaxConsumersPerStream).
const serverConsumers = 1000

// crowded warns from four fifths of the consumers that the stream may have: with more,
// new readers find no room.
func crowded(check Check, info *jetstream.StreamInfo) Check {
	room := info.Config.MaxConsumers
	if room <= 0 {
		room = serverConsumers
	}
	if info.State.Consumers*5 < room*4 {
		return check
	}
	return doubtful(check.Name, "Delete consumers that nobody reads with any more (nats consumer ls "+info.Config.Name+"), or raise max_consumers: whoever watches anew finds no room. Jobs do not need them.",
		"%d consumers of about %d", info.State.Consumers, room)
}

// compareStream asks the package that makes the stream. What the worker raises
// when it starts is a warning; what it must not change is a failure.
func compareStream(c jetstream.StreamConfig, settings events.Settings) Check {
	mustChange, willRaise := events.Compare(c, settings)
	switch {
	case len(mustChange) > 0:
		return bad(nameStream, "Rename or delete the stream by hand; the worker creates a new one when it starts.",
			"%s: %s", c.Name, strings.Join(append(mustChange, willRaise...), ", "))
	case len(willRaise) > 0:
		return doubtful(nameStream, "Start the worker: it raises these settings, and deletes nothing.", "%s: %s", c.Name, strings.Join(willRaise, ", "))
	}
	return good(nameStream, "%s is as promised: file storage, at least 90 days, at least 10 minutes against duplicates", c.Name)
}
