package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Organization is what the ledger knows of one organization.
type Organization struct {
	ID                  sponsorship.ID
	CloudOrganizationID sponsorship.ID
	Connected           bool
	FromVault           bool       // the bridge took the connection from the server's own database
	Disconnected        bool       // a person has ended it here
	Bridge              *Bridge    // nil where no bridge follows it
	OfficialJobOff      *Answer    // that the server's own sync job is off; nil: nobody has said so
	Started             bool       // the first sync was started by hand
	Paused              fault.Code // automatic attempts stopped until a person acts; "" if not
	Stopped             bool       // a person has stopped sending, of this one or of all
	Generation          string     // under which to wake it
	Failures            int        // in a row
	ServerErrors        int        // answers 500 in a row

	LastSyncAt, NextSyncAt, RetryAt, LastLicenseSyncAt *time.Time
	LastError, LastLicenseError                        *Failure
}

// Answer is what a person said with a job.
type Answer struct {
	At    time.Time
	JobID string
}

func parseAnswer(at, job string) *Answer {
	when := Instant(at)
	if when == nil {
		return nil
	}
	return &Answer{*when, job}
}

// Failure is an error as it was recorded.
type Failure struct {
	fault.Error
	At time.Time
}

// Organization returns one organization, or false if it was never seen.
func (l *Ledger) Organization(ctx context.Context, id sponsorship.ID) (Organization, bool, error) {
	pipe := l.rdb.Pipeline()
	known := pipe.ZScore(ctx, ShardKey(Shard(id), "orgs"), string(id))
	hash := pipe.HGetAll(ctx, Key(id, ""))
	stopped := pipe.Exists(ctx, stoppedKey)
	disconnected := pipe.SIsMember(ctx, disconnectedKey(id), string(id))
	bridge := askBridge(ctx, pipe, id)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return Organization{}, false, fmt.Errorf("read organization %s: %w", id, err)
	}
	org := ParseOrganization(id, hash.Val())
	org.Stopped = org.Stopped || stopped.Val() > 0
	org.Disconnected, org.Bridge = disconnected.Val(), bridge.read()
	return org, known.Err() == nil, nil
}

// Organizations returns the ids of all organizations, sorted within a shard.
func (l *Ledger) Organizations(ctx context.Context) ([]sponsorship.ID, error) {
	var all []sponsorship.ID
	for shard := range Shards {
		ids, err := l.rdb.ZRange(ctx, ShardKey(shard, "orgs"), 0, -1).Result()
		if err != nil {
			return nil, fmt.Errorf("list organizations: %w", err)
		}
		for _, id := range ids {
			all = append(all, sponsorship.ID(id))
		}
	}
	return all, nil
}

// Counts returns the number of sponsorships by status.
func (l *Ledger) Counts(ctx context.Context, org sponsorship.ID) (map[sponsorship.Status]int64, error) {
	pipe := l.rdb.Pipeline()
	cards := map[sponsorship.Status]*redis.IntCmd{}
	for _, s := range sponsorship.Statuses() {
		cards[s] = pipe.ZCard(ctx, StatusKey(org, s))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("count sponsorships of %s: %w", org, err)
	}
	counts := map[sponsorship.Status]int64{}
	for s, card := range cards {
		counts[s] = card.Val()
	}
	return counts, nil
}

// ParseOrganization reads an organization's hash.
func ParseOrganization(id sponsorship.ID, h map[string]string) Organization {
	number := func(field string) int64 {
		n, _ := strconv.ParseInt(h[field], 10, 64)
		return n
	}
	return Organization{
		ID: id, CloudOrganizationID: sponsorship.ID(h["cloudOrganizationId"]), Connected: h["token"] != "", FromVault: h["vault"] != "",
		Started: h["started"] != "", Stopped: h[stoppedField] != "", Generation: cmp.Or(h["generation"], "0"), Paused: fault.Code(h["paused"]),
		Failures: int(number("failures")), ServerErrors: int(number("serverErrors")),
		LastSyncAt: Instant(h["lastSyncAt"]), NextSyncAt: Instant(h["nextSyncAt"]), RetryAt: Instant(h["retryAt"]),
		LastLicenseSyncAt: Instant(h["lastLicenseSyncAt"]), OfficialJobOff: parseAnswer(h["officialJobOffAt"], h["officialJobOffBy"]),
		LastError:        parseFailure(h["errorCode"], h["errorMessage"], h["errorAt"]),
		LastLicenseError: parseFailure(h["licenseErrorCode"], h["licenseErrorMessage"], h["licenseErrorAt"]),
	}
}

func parseFailure(code, message, at string) *Failure {
	when := Instant(at)
	if code == "" || when == nil {
		return nil
	}
	return &Failure{Error: fault.Error{Code: fault.Code(code), Message: message}, At: *when}
}
