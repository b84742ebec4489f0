package cloud

import (
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/netdate"
)

// Why a 200 was not understood. The texts continue "the answer ..." and quote
// nothing of it.
var (
	errNotJSON     = errors.New("is not the JSON that the cloud sends")
	errNoBatch     = errors.New("holds no sponsorshipsBatch")
	errNotAsked    = errors.New("holds a sponsorship that was not asked for")
	errTwice       = errors.New("holds a sponsorship twice")
	errNotALicense = errors.New("is not a license")
)

type wireAnswer struct {
	Rows *[]wireRowAnswer `json:"sponsorshipsBatch"`
}

type wireRowAnswer struct {
	User         string        `json:"sponsoringOrganizationUserId"`
	ValidUntil   *netdate.Date `json:"validUntil"`
	LastSyncDate *netdate.Date `json:"lastSyncDate"`
	Removed      bool          `json:"cloudSponsorshipRemoved"`
	ToDelete     bool          `json:"toDelete"`
}

// decodeSync reads the answer to a batch. asked holds the users of the batch in
// lower case. A row too many means that this is somebody else's answer, so none
// of it is believed.
func decodeSync(raw []byte, asked map[string]bool) ([]RowAnswer, error) {
	var w wireAnswer
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, errNotJSON
	}
	if w.Rows == nil {
		return nil, errNoBatch
	}
	answers := make([]RowAnswer, 0, len(*w.Rows))
	seen := make(map[string]bool, len(*w.Rows))
	for _, row := range *w.Rows {
		user, err := uuid.Parse(row.User)
		if err != nil || !asked[user.String()] {
			return nil, errNotAsked
		}
		if seen[user.String()] {
			return nil, errTwice
		}
		seen[user.String()] = true
		answers = append(answers, RowAnswer{
			UserID: user.String(), Removed: row.Removed, ToDelete: row.ToDelete,
			ValidUntil: row.ValidUntil.Pointer(), LastSyncDate: row.LastSyncDate.Pointer(),
		})
	}
	return answers, nil
}
