package workertest

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// Told is what the official server's own job tells the cloud of one member.
type Told struct {
	Member, Email, Name string
	ToDelete            bool
}

// Answered is what the cloud says of one member.
type Answered struct {
	Removed, ToDelete    bool
	LastSync, ValidUntil *time.Time
}

// OfficialJob carries a run of the official job to the cloud and back, by member. The dates
// that the official job sends along are left out: they matter only for what the cloud has
// lost.
func (s *Site) OfficialJob(ctx context.Context, organization, token string, all []Told) (map[string]Answered, error) {
	rows := make([]cloud.Row, len(all))
	for i, t := range all {
		rows[i] = cloud.Row{UserID: t.Member, Email: t.Email, Name: t.Name, Delete: t.ToDelete}
	}
	client := s.client()
	if err := client.Turn(ctx, cloud.Urgent); err != nil {
		return nil, err
	}
	answers, err := client.Sync(ctx, cloud.SyncRequest{BillingSyncKey: secret.Text(token), CloudOrganizationID: organization, Rows: rows})
	if err != nil {
		return nil, err
	}
	told := map[string]Answered{}
	for _, a := range answers {
		told[a.UserID] = Answered{Removed: a.Removed, ToDelete: a.ToDelete, LastSync: a.LastSyncDate, ValidUntil: a.ValidUntil}
	}
	return told, nil
}
