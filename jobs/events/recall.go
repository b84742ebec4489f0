package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// recallBatch is how many events one request of [Recall] asks for.
const recallBatch = 500

// RecallOptions say which part of the past to read.
type RecallOptions struct {
	Organization sponsorship.ID // required
	User         sponsorship.ID // set: only this sponsorship, by its ledger key
	After        uint64         // set: starts behind this [Record.Sequence]
}

// Recall shows what the stream holds at this moment, in order, and returns: for whoever
// wants to know how something came about. Unlike [Watch] it does not wait for a stream
// that is away: its error says why, and what was shown until then holds. An event that
// cannot be read is left out.
func Recall(ctx context.Context, js jetstream.JetStream, o RecallOptions, yield func(Record)) error {
	stream, err := js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil // nothing has happened yet
	}
	if err != nil {
		return unanswered(js.Conn(), err)
	}
	if o.After > stream.CachedInfo().State.LastSeq {
		o.After = 0 // the stream was made anew, and all it holds is news
	}
	name := uniqueName()
	config := ephemeral(name, WatchOptions{After: o.After, Since: time.Unix(0, 0)})
	consumer, err := stream.CreateConsumer(ctx, filtered(config, []string{o.subject()}))
	if err != nil {
		return unanswered(js.Conn(), err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWait)
		defer cancel()
		_ = js.DeleteConsumer(ctx, StreamName, name)
	}()
	for left := consumer.CachedInfo().NumPending; left > 0; {
		got, err := recallSome(ctx, consumer, int(min(left, recallBatch)), yield)
		if err != nil {
			return err
		}
		left -= min(left, got)
	}
	return nil
}

func (o RecallOptions) subject() string {
	if o.User == "" {
		return Filter{Organization: o.Organization}.Subjects()[0]
	}
	return natsSubject(string(o.Organization), kindSponsorship+"."+string(o.User), "*")
}

// recallSome returns how many there were; none is an error, for there should be.
func recallSome(ctx context.Context, consumer jetstream.Consumer, n int, yield func(Record)) (got uint64, err error) {
	wait := requestTimeout
	if deadline, bounded := ctx.Deadline(); bounded {
		wait = min(wait, time.Until(deadline))
	}
	if wait <= 0 {
		return 0, context.DeadlineExceeded
	}
	batch, err := consumer.Fetch(n, jetstream.FetchMaxWait(wait))
	if err != nil {
		return 0, err
	}
	for m := range batch.Messages() {
		got++
		meta, err := m.Metadata()
		if err != nil {
			return got, fmt.Errorf("read message metadata: %w", err)
		}
		if e, err := open(m); err == nil {
			yield(Record{Sequence: meta.Sequence.Stream, Event: e, Payload: m.Data()})
		}
	}
	if err = batch.Error(); err == nil && got == 0 {
		err = errors.New("the stream did not send what it holds in time")
	}
	return got, err
}
