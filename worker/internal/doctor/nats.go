package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/events"
)

const (
	nameNATS      = "nats"
	nameJetStream = "jetstream"
	nameStream    = "event stream"
)

// What the contract promises of the stream (contract, section 5).
const (
	leastAge        = 90 * 24 * time.Hour
	leastDuplicates = 10 * time.Minute
)

// nats checks where events go.
func (d *doctor) nats(ctx context.Context) []Check {
	n := d.Settings.NATS
	if n.URL == "" {
		return skipped("NATS_URL is not understood", nameNATS, nameJetStream, nameStream)
	}
	options := []nats.Option{nats.Name("sponsorsync doctor"), nats.Timeout(patience), nats.NoReconnect()}
	if n.CredsFile != "" {
		options = append(options, nats.UserCredentials(n.CredsFile))
	}
	nc, err := nats.Connect(n.URL.Reveal(), options...)
	if err != nil {
		return append([]Check{natsAway(fmt.Sprint(n.URL), err)}, skipped(nameNATS+" failed", nameJetStream, nameStream)...)
	}
	defer nc.Close()
	reached := good(nameNATS, "%s answers, version %s", nc.ConnectedUrlRedacted(), nc.ConnectedServerVersion())
	return append([]Check{reached}, d.jetStream(ctx, nc)...)
}

func natsAway(url string, err error) Check {
	const wait = " Until then sponsorships go on, and their events wait in Redis."
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) {
		return bad(nameNATS, "Check the user in NATS_URL, or SPONSORSYNC_NATS_CREDS_FILE."+wait, "%s refuses the credentials", url)
	}
	return bad(nameNATS, "Start nats-server, or correct NATS_URL."+wait, "%s: %s", url, reason(err))
}

func (d *doctor) jetStream(ctx context.Context, nc *nats.Conn) []Check {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	js, err := jetstream.New(nc)
	if err == nil {
		_, err = js.AccountInfo(ctx)
	}
	if err != nil {
		off := bad(nameJetStream, "Start nats-server with JetStream (-js), and enable it for the account.", "%s", reason(err))
		return append([]Check{off}, skipped(nameJetStream+" failed", nameStream)...)
	}
	return []Check{good(nameJetStream, "enabled"), d.stream(ctx, js)}
}

func (d *doctor) stream(ctx context.Context, js jetstream.JetStream) Check {
	stream, err := js.Stream(ctx, events.StreamName)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return doubtful(nameStream, "Nothing to do: the worker creates it when it starts.", "%s does not exist yet", events.StreamName)
	case err != nil:
		return bad(nameStream, "Allow this NATS user to read the stream's settings ($JS.API.STREAM.INFO."+events.StreamName+").", "%s", reason(err))
	}
	return streamVerdict(stream.CachedInfo().Config, d.Settings.NATS.Replicas)
}

// streamVerdict compares the stream with the promise. What the worker raises
// when it starts is a warning; what it cannot or must not change is a failure.
func streamVerdict(c jetstream.StreamConfig, replicas int) Check {
	var fixed, raised []string
	find := func(list *[]string, wrong bool, text string) {
		if wrong {
			*list = append(*list, text)
		}
	}
	find(&fixed, c.Storage != jetstream.FileStorage, "storage is not file")
	find(&fixed, c.Retention != jetstream.LimitsPolicy, "retention is not limits")
	find(&fixed, c.Sealed || c.Mirror != nil, "it is sealed or a mirror, and takes no events")
	find(&raised, c.MaxAge != 0 && c.MaxAge < leastAge, fmt.Sprintf("events are kept %s, not 90 days", c.MaxAge))
	find(&raised, c.Duplicates < leastDuplicates, fmt.Sprintf("the duplicate window is %s, not 10 minutes", c.Duplicates))
	find(&raised, c.Replicas < replicas, fmt.Sprintf("it has %d replicas, not %d", c.Replicas, replicas))
	find(&raised, c.NoAck, "it acknowledges nothing")
	find(&raised, !slices.Contains(c.Subjects, "sponsorsync.>"), "it does not hold all of sponsorsync.>")
	switch {
	case len(fixed) > 0:
		return bad(nameStream, "Rename or delete the stream by hand; the worker creates a new one when it starts.",
			"%s: %s", c.Name, strings.Join(append(fixed, raised...), ", "))
	case len(raised) > 0:
		return doubtful(nameStream, "Start the worker: it raises these settings, and deletes nothing.", "%s: %s", c.Name, strings.Join(raised, ", "))
	}
	return good(nameStream, "%s is as promised: file storage, at least 90 days, at least 10 minutes against duplicates", c.Name)
}
