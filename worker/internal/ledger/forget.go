package ledger

import (
	"context"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// ForgetOver forgets whose the sponsorships of a shard were that have been over for
// the given time, and drops those of which nothing needs to stay. It handles at most
// [state.ScriptRows], the longest over first, and returns how many it handled.
func (l *Ledger) ForgetOver(ctx context.Context, shard int, after time.Duration) (int, error) {
	now := l.ShardNow(shard)
	found, err := l.dated(ctx, state.ShardKey(shard, "over"), Look{Ago: after, Limit: state.ScriptRows}.from(now))
	if err != nil {
		return 0, wrap(err, "look for sponsorships to forget")
	}
	byOrganization := map[sponsorship.ID][]sponsorship.ID{}
	for _, z := range found {
		org, id, _ := strings.Cut(z.Member.(string), ":")
		byOrganization[sponsorship.ID(org)] = append(byOrganization[sponsorship.ID(org)], sponsorship.ID(id))
	}
	total := 0
	for org, ids := range byOrganization {
		// As they are stored: forgetting counts from no floor.
		rows, err := l.Ledger.Get(ctx, org, ids...)
		if err != nil {
			return total, err
		}
		all := make([]state.Forgetting, len(rows))
		for i, row := range rows {
			all[i] = forgetting(row, now, after)
		}
		n, err := l.Forget(ctx, org, all...)
		if total += n; err != nil {
			return total, err
		}
	}
	return total, nil
}

func forgetting(row sponsorship.Sponsorship, now time.Time, after time.Duration) state.Forgetting {
	f := state.Forgetting{Read: row, Again: &time.Time{}}
	dropAt, drops := sponsorship.DropAt(row)
	if f.Whole = drops && !now.Before(dropAt); drops && !f.Whole {
		again := dropAt.Add(-after)
		f.Again = &again
	}
	return f
}
