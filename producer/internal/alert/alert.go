package alert

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// Alert is one thing that somebody must act on.
type Alert struct {
	Code    string    `json:"code"` // a fault code, a reason of the bridge, or a part of the whole
	Message string    `json:"message"`
	Hint    string    `json:"hint"`
	Since   time.Time `json:"since"` // when it was first seen

	OrganizationID     *sponsorship.ID `json:"organizationId"` // null: it is about the whole
	OrganizationUserID *sponsorship.ID `json:"organizationUserId"`
}

// key tells whether two alerts are about the same thing.
func (a Alert) key() string {
	key := a.Code
	for _, id := range []*sponsorship.ID{a.OrganizationID, a.OrganizationUserID} {
		if id != nil {
			key += " " + id.String()
		}
	}
	return key
}

// Of is everything that somebody must act on, by the facts.
func Of(f health.Facts) []Alert {
	var all []Alert
	report := health.Judge(f)
	for _, p := range report.Troubles() {
		if ofTheWhole(p) {
			all = append(all, Alert{Code: p.Name, Message: p.Detail, Hint: p.Hint})
		}
	}
	shared := map[fault.Code]int{}
	for _, o := range f.Organizations {
		all = append(all, ofOrganization(o, shared)...)
	}
	for code, n := range shared {
		all = append(all, Alert{Code: string(code), Message: fmt.Sprintf("organizations whose sync fails with it: %d", n), Hint: code.Hint()})
	}
	slices.SortFunc(all, func(a, b Alert) int { return cmp.Compare(a.key(), b.key()) })
	return all
}

// ofTheWhole chooses the parts whose trouble nobody can leave to itself. What is of an
// organization is told by its own code.
func ofTheWhole(p health.Part) bool {
	switch p.Name {
	case health.PartRedis, health.PartWorker, health.PartQueues, health.PartOutbox, health.PartJobs, health.PartMemory, health.PartScheduler:
		return true
	}
	return false
}

// ofOrganization counts what is wrong with the installation instead of telling it of
// each organization.
func ofOrganization(o state.Organization, shared map[fault.Code]int) []Alert {
	var all []Alert
	if e := o.LastError; e != nil {
		switch {
		case e.Code == fault.InstallationRejected, e.Code == fault.CloudCommunicationDisabled:
			shared[e.Code]++
		case e.Code.NeedsAdmin(), e.Code == fault.CloudRecordsDamaged, e.Code == fault.PlanNotEligible:
			all = append(all, Alert{Code: string(e.Code), Message: e.Message, Hint: e.Hint(), OrganizationID: &o.ID})
		}
	}
	if o.Bridge == nil || o.Disconnected {
		return all
	}
	for _, h := range o.Bridge.Held {
		held := Alert{Code: string(h.Reason), Message: "the bridge waits until somebody has looked", Hint: h.Reason.Hint(), OrganizationID: &o.ID}
		if h.User != "" {
			held.OrganizationUserID = &h.User
		}
		all = append(all, held)
	}
	return all
}
