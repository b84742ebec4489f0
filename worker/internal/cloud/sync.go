package cloud

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// SyncRequest is one batch of one organization.
type SyncRequest struct {
	BillingSyncKey      secret.Text
	CloudOrganizationID string // the Id of the license file
	Rows                []Row  // none is legal: it proves token and connection
}

// Row is a sponsorship to offer or, with Delete, to withdraw. The dates of the
// wire are not here because they are always null: a withdrawal that carries
// lastSyncDate is carried out as a new offer when it is repeated, mail included
// (PROTOCOL.md 2.5 row 7).
type Row struct {
	UserID string // the organization user, the only key of the wire
	Name   string
	Email  string
	Delete bool
}

// The cloud reads no more than MaxBody bytes of a request; beyond that it answers
// 500 with its own error body, as if a row were at fault (PROTOCOL.md 2.7).
// MaxEnvelope is the most that a request takes without its rows.
const (
	MaxBody     = 30_000_000
	MaxEnvelope = 10_000
)

// MaxBytes is the most that the row takes in a request: the encoding spends up
// to six bytes on one of a text.
func (r Row) MaxBytes() int { return 300 + 6*(len(r.Name)+len(r.Email)) }

// RowAnswer is what the cloud says about a row that it accepted. A row without
// an answer was refused, or was a withdrawal of what is gone already (2.5).
type RowAnswer struct {
	UserID       string     // lower case
	ValidUntil   *time.Time // nil until redeemed
	LastSyncDate *time.Time // the cloud's clock
	Removed      bool       // gone in the cloud
	ToDelete     bool       // echo of Row.Delete: it ends at ValidUntil
}

// Turn waits until the next Sync may leave: a token is at hand, and the limit that
// all workers share allows it. The error is an [*Error]; a [*NotYet]; the lane's
// own, or the context's. Nothing was sent then.
func (c *Client) Turn(ctx context.Context, lane Lane) error {
	return c.ready(ctx, request{op: c.sync, token: c.syncToken}, lane)
}

// Sync sends one batch, whose [Client.Turn] has come, and returns the cloud's
// answers in the cloud's order. It waits for nothing but them. The error is an
// [*Error], [ErrTokenDied], or the context's.
//
// Two rows of one user would make every later sync of the organization fail
// (PROTOCOL.md 2.6), and an offer without an address costs a batch its mails
// (2.8): such a batch is refused here with [fault.InvalidArguments].
func (c *Client) Sync(ctx context.Context, r SyncRequest) ([]RowAnswer, error) {
	body, err := encodeSync(r)
	if err != nil {
		return nil, notSent(err)
	}
	var answers []RowAnswer
	err = c.call(ctx, request{
		op: c.sync, token: c.syncToken,
		method: http.MethodPost, path: "organization/sponsorship/sync", body: body, who: body.Organization,
		read: func(raw []byte) (err error) {
			answers, err = decodeSync(raw, body.users())
			return err
		},
	})
	return answers, err
}

// wireSync and wireRow are spelled as the official server spells them, nulls
// included (PROTOCOL.md 2.2).
type wireSync struct {
	BillingSyncKey string    `json:"billingSyncKey"`
	Organization   string    `json:"sponsoringOrganizationCloudId"`
	Rows           []wireRow `json:"sponsorshipsBatch"`
}

type wireRow struct {
	User         string    `json:"sponsoringOrganizationUserId"`
	FriendlyName string    `json:"friendlyName"`
	OfferedTo    string    `json:"offeredToEmail"`
	PlanType     int       `json:"planSponsorshipType"` // 0, Families, is all there is
	LastSyncDate *struct{} `json:"lastSyncDate"`        // cannot be anything but null; see Row
	ValidUntil   *struct{} `json:"validUntil"`          // the cloud ignores it
	ToDelete     bool      `json:"toDelete"`
}

// encodeSync refuses what would hurt the organization, and writes ids in the one
// form that the cloud reads.
func encodeSync(r SyncRequest) (wireSync, error) {
	organization, err := uuid.Parse(r.CloudOrganizationID)
	if err != nil {
		return wireSync{}, fault.New(fault.InvalidArguments, "cloud organization id: it is not a GUID")
	}
	rows := make([]wireRow, 0, len(r.Rows)) // never null: that is a 500
	seen := make(map[uuid.UUID]bool, len(r.Rows))
	for i, row := range r.Rows {
		user, err := uuid.Parse(row.UserID)
		switch {
		case err != nil:
			return wireSync{}, fault.New(fault.InvalidArguments, "row %d: the organization user is not a GUID", i)
		case seen[user]:
			return wireSync{}, fault.New(fault.InvalidArguments, "row %d: organization user %s is in the batch twice", i, user)
		case !row.Delete && strings.TrimSpace(row.Email) == "":
			return wireSync{}, fault.New(fault.InvalidArguments, "row %d: organization user %s has no address", i, user)
		}
		seen[user] = true
		rows = append(rows, wireRow{User: user.String(), FriendlyName: row.Name, OfferedTo: row.Email, ToDelete: row.Delete})
	}
	return wireSync{BillingSyncKey: r.BillingSyncKey.Reveal(), Organization: organization.String(), Rows: rows}, nil
}

func (w wireSync) users() map[string]bool {
	users := make(map[string]bool, len(w.Rows))
	for _, row := range w.Rows {
		users[row.User] = true
	}
	return users
}
