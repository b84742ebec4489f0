package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// LicenseEventNumber numbers the event of the next license sync of org.
func (l *Ledger) LicenseEventNumber(ctx context.Context, org sponsorship.ID) (int64, error) {
	text, err := l.rdb.HGet(ctx, state.Key(org, ""), "licenseEvents").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("read license events of %s: %w", org, err)
	}
	n, _ := strconv.ParseInt(text, 10, 64)
	return n + 1, nil
}

// LicenseOutcome is how a license sync ended: Fault is nil for a success.
type LicenseOutcome struct {
	JobID  string
	Fault  *fault.Error
	Number int64 // from LicenseEventNumber
	Event  *events.Encoded
}

// RecordLicense records the outcome once per job. It returns false when another
// license sync of the organization took the event's number meanwhile.
func (l *Ledger) RecordLicense(ctx context.Context, org sponsorship.ID, o LicenseOutcome) (bool, error) {
	code, message := "", ""
	if o.Fault != nil {
		code, message = string(o.Fault.Code), o.Fault.Message
	}
	args := append([]any{markerLife.Milliseconds(), code, message, o.Number}, eventArgs(ctx, o.Event)...)
	n, err := l.scripts.license.Run(ctx, l.rdb, state.Keys(org, o.JobID), args...).Int()
	return n >= 0, wrap(err, "record license sync of %s", org)
}
