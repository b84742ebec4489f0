package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sponsorsync/sponsorsync/jobs"
)

// StreamName is the one stream that holds all events.
const StreamName = "SPONSORSYNC"

// The least that subscribers are promised.
const (
	leastAge        = 90 * 24 * time.Hour
	leastDuplicates = 10 * time.Minute
	defaultMaxBytes = 1 << 30
)

// Settings are the parts of the stream that an operator chooses.
type Settings struct {
	Replicas int   // 0 means 1; more needs a NATS cluster
	MaxBytes int64 // 0 means 1 GiB; the oldest events go first
}

// Workers that start together race for the stream, and the server answers some of
// them with an error of its own; the loser finds the winner's stream a moment later.
const (
	ensureAttempts = 4
	ensurePause    = 100 * time.Millisecond
)

// EnsureStream creates the stream, or raises what is below the promise: 90 days,
// a duplicate window of 10 minutes, the replicas and the size asked for. Larger values that an
// operator has set stay, and no message is ever deleted.
func EnsureStream(ctx context.Context, js jetstream.JetStream, s Settings) error {
	err := ensureStream(ctx, js, s)
	for attempt := 1; attempt < ensureAttempts && lostRace(err); attempt++ {
		if jobs.Sleep(ctx, ensurePause) != nil {
			break
		}
		err = ensureStream(ctx, js, s)
	}
	if err != nil {
		return fmt.Errorf("ensure stream %s: %w", StreamName, err)
	}
	return nil
}

func lostRace(err error) bool {
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok && refused.Code == 500 {
		return true
	}
	return errors.Is(err, jetstream.ErrStreamNameAlreadyInUse)
}

func ensureStream(ctx context.Context, js jetstream.JetStream, s Settings) error {
	stream, err := js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = js.CreateStream(ctx, fresh(s))
		return err
	}
	if err != nil {
		return err
	}
	config := stream.CachedInfo().Config
	if wrong := unfit(config); len(wrong) > 0 {
		return fmt.Errorf("%s: rename or delete it by hand", strings.Join(wrong, ", "))
	}
	if raised := raise(&config, s); len(raised) == 0 {
		return nil
	}
	_, err = js.UpdateStream(ctx, config)
	return err
}

// fresh is the stream as it is created.
func fresh(s Settings) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamName,
		Description: "Sponsorship transitions, syncs and licenses (CloudEvents 1.0)",
		Subjects:    []string{allSubjects},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy, // broadcast: a reader takes nothing away from another
		Discard:     jetstream.DiscardOld,
		MaxAge:      leastAge,
		Duplicates:  leastDuplicates,
		Replicas:    max(s.Replicas, 1),
		MaxBytes:    cmp.Or(s.MaxBytes, defaultMaxBytes),
	}
}

// Compare says how an existing stream differs from the promise: what an operator
// must change, since storage and retention cannot be changed in place and deleting
// the stream would lose events, and what [EnsureStream] will raise.
func Compare(existing jetstream.StreamConfig, s Settings) (mustChange, willRaise []string) {
	return unfit(existing), raise(&existing, s)
}

func unfit(c jetstream.StreamConfig) []string {
	var found []string
	if c.Storage != jetstream.FileStorage {
		found = append(found, "storage is not file")
	}
	if c.Retention != jetstream.LimitsPolicy {
		found = append(found, "retention is not limits")
	}
	if c.Sealed || c.Mirror != nil {
		found = append(found, "it is sealed or a mirror, and takes no events")
	}
	return found
}

// raise sets what is below the promise, and says what that was.
func raise(c *jetstream.StreamConfig, s Settings) []string {
	var raised []string
	if c.MaxAge != 0 && c.MaxAge < leastAge { // 0 keeps forever
		raised = append(raised, fmt.Sprintf("events are kept %s, not 90 days", c.MaxAge))
		c.MaxAge = leastAge
	}
	if c.Duplicates < leastDuplicates {
		raised = append(raised, fmt.Sprintf("the duplicate window is %s, not 10 minutes", c.Duplicates))
		c.Duplicates = leastDuplicates
	}
	if replicas := max(s.Replicas, 1); c.Replicas < replicas {
		raised = append(raised, fmt.Sprintf("it has %d replicas, not %d", c.Replicas, replicas))
		c.Replicas = replicas
	}
	if size := cmp.Or(s.MaxBytes, defaultMaxBytes); c.MaxBytes > 0 && c.MaxBytes < size { // no bound is an operator's choice
		raised = append(raised, fmt.Sprintf("it holds at most %d bytes, not %d", c.MaxBytes, size))
		c.MaxBytes = size
	}
	if c.Discard != jetstream.DiscardOld {
		raised = append(raised, "it refuses new events when it is full, instead of dropping old ones")
		c.Discard = jetstream.DiscardOld
	}
	if c.NoAck {
		raised = append(raised, "it acknowledges nothing")
		c.NoAck = false
	}
	if !slices.Contains(c.Subjects, allSubjects) {
		raised = append(raised, "it does not hold all of "+allSubjects)
		c.Subjects = withOurs(c.Subjects)
	}
	return raised
}

// withOurs replaces narrower subjects of ours by the one that covers them all;
// the server refuses subjects that overlap.
func withOurs(subjects []string) []string {
	others := slices.DeleteFunc(slices.Clone(subjects), func(s string) bool { return strings.HasPrefix(s, "sponsorsync.") })
	return append(others, allSubjects)
}
