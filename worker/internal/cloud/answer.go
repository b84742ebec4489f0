package cloud

import (
	"errors"

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

type wireRowAnswer struct {
	User         string        `json:"sponsoringOrganizationUserId"`
	ValidUntil   *netdate.Date `json:"validUntil"`
	LastSyncDate *netdate.Date `json:"lastSyncDate"`
	Removed      bool          `json:"cloudSponsorshipRemoved"`
	ToDelete     bool          `json:"toDelete"`
}
