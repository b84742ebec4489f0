package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

const nameConnections = "connections"

// connections checks steps 3 and 4 of the guide, one line per organization.
func (d *doctor) connections(ctx context.Context, rdb redis.UniversalClient) []Check {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	sealer, err := state.NewSealer(d.Settings.EncryptionKeys.Bytes()...)
	if err != nil {
		return skipped("there is no encryption key to open them with", nameConnections)
	}
	ledger := state.New(rdb, sealer)
	ids, err := ledger.Organizations(ctx)
	if err != nil {
		return []Check{bad(nameConnections, "", "%s", reason(err))}
	}
	if len(ids) == 0 {
		return []Check{doubtful(nameConnections, fault.ConnectionMissing.Hint(), "there are none yet")}
	}
	checks := make([]Check, 0, len(ids))
	for i, id := range ids {
		check, err := connection(ctx, ledger, id)
		if err != nil {
			return append(checks, bad(nameConnections, "", "%d of %d could not be read: %s", len(ids)-i, len(ids), reason(err)))
		}
		checks = append(checks, check)
	}
	return checks
}

// connection reads one; an error says that Redis could not tell.
func connection(ctx context.Context, ledger *state.Ledger, id sponsorship.ID) (Check, error) {
	organization, _, err := ledger.Organization(ctx, id)
	if err != nil {
		return Check{}, err
	}
	_, err = ledger.Connection(ctx, id)
	if err != nil && fault.CodeOf(err) == "" {
		return Check{}, err
	}
	return checkConnection(organization, err), nil
}

// checkConnection takes what is worst: a token that cannot be read, an error
// that waits for a person, one that passes, a license that was refused.
func checkConnection(o state.Organization, unreadable error) Check {
	name := "connection " + string(o.ID)
	synced := "last sync " + date(o.LastSyncAt)
	switch {
	case unreadable != nil && o.Connected:
		return bad(name, "Add the old key to SPONSORSYNC_ENCRYPTION_KEY behind a comma, or save the connection again.", "%s; %s", synced, unreadable)
	case unreadable != nil:
		return doubtful(name, fault.ConnectionMissing.Hint(), "%s; there is no billing sync token", synced)
	case o.LastError != nil:
		check := doubtful(name, o.LastError.Hint(), "%s; %s", synced, describe("last error", o.LastError))
		if o.LastError.Code.NeedsAdmin() {
			check.Status = Fail
		}
		return check
	case o.LastSyncAt == nil:
		return doubtful(name, fmt.Sprintf("Start the first sync by hand: producer sync --org %s.", o.ID), "%s", synced)
	case o.LastLicenseError != nil:
		return doubtful(name, o.LastLicenseError.Hint(), "%s; %s", synced, describe("last license sync failed", o.LastLicenseError))
	}
	return good(name, "%s, next %s", synced, date(o.NextSyncAt))
}

func describe(what string, f *state.Failure) string {
	return fmt.Sprintf("%s at %s: %s", what, date(&f.At), f.Error.Error())
}

// date is the guide's "Never" until there is one.
func date(t *time.Time) string {
	if t == nil {
		return "Never"
	}
	return t.UTC().Format(time.RFC3339)
}
