package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamName is the one stream that holds all events.
const StreamName = "SPONSORSYNC"

// The least that the contract promises.
const (
	leastAge        = 90 * 24 * time.Hour
	leastDuplicates = 10 * time.Minute
)

// Settings are the parts of the stream that an operator chooses.
type Settings struct {
	Replicas int // 0 means 1; more needs a NATS cluster
}

// Workers that start together race for the stream, and the server answers some of
// them with an error of its own; the loser finds the winner's stream a moment later.
const (
	ensureAttempts = 4
	ensurePause    = 100 * time.Millisecond
)

// EnsureStream creates the stream, or raises what is below the promise: 90 days,
// a duplicate window of 10 minutes, the replicas asked for. Larger values that an
// operator has set stay, and no message is ever deleted.
func EnsureStream(ctx context.Context, js jetstream.JetStream, s Settings) error {
	err := ensureStream(ctx, js, s)
	for attempt := 1; attempt < ensureAttempts && lostRace(err); attempt++ {
		sleep(ctx, ensurePause)
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
	config, changed, err := wanted(stream.CachedInfo().Config, s)
	if err != nil || !changed {
		return err
	}
	_, err = js.UpdateStream(ctx, config)
	return err
}

// fresh is the stream as it is created.
func fresh(s Settings) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamName,
		Description: "Sponsorship transitions, syncs and licences (CloudEvents 1.0)",
		Subjects:    []string{allSubjects},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy, // broadcast: a reader takes nothing away from another
		Discard:     jetstream.DiscardOld,
		MaxAge:      leastAge,
		Duplicates:  leastDuplicates,
		Replicas:    max(s.Replicas, 1),
	}
}

// wanted decides what an existing stream should become. Storage and retention
// cannot be changed in place, and deleting the stream would lose events, so
// these are an operator's to decide.
func wanted(existing jetstream.StreamConfig, s Settings) (config jetstream.StreamConfig, changed bool, err error) {
	if existing.Storage != jetstream.FileStorage || existing.Retention != jetstream.LimitsPolicy {
		return existing, false, fmt.Errorf("it has %v storage and %v retention, but needs file storage and limits retention: "+
			"rename or delete it by hand", existing.Storage, existing.Retention)
	}
	config = existing
	if existing.MaxAge != 0 { // 0 keeps for ever
		config.MaxAge = max(existing.MaxAge, leastAge)
	}
	config.Duplicates = max(existing.Duplicates, leastDuplicates)
	config.Replicas = max(existing.Replicas, s.Replicas, 1)
	config.NoAck = false
	config.Subjects = withOurs(existing.Subjects)
	changed = config.MaxAge != existing.MaxAge || config.Duplicates != existing.Duplicates ||
		config.Replicas != existing.Replicas || existing.NoAck || !slices.Equal(config.Subjects, existing.Subjects)
	return config, changed, nil
}

// withOurs replaces narrower subjects of ours by the one that covers them all;
// the server refuses subjects that overlap.
func withOurs(subjects []string) []string {
	if slices.Contains(subjects, allSubjects) {
		return subjects
	}
	others := slices.DeleteFunc(slices.Clone(subjects), func(s string) bool { return strings.HasPrefix(s, "sponsorsync.") })
	return append(others, allSubjects)
}
