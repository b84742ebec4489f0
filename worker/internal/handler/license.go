package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/license"
)

// LicenseCloud is the one call that a licence sync makes.
type LicenseCloud interface {
	License(ctx context.Context, r cloud.LicenseRequest) (json.RawMessage, error)
}

// License fetches a fresh licence, checks it and keeps it. Only a person's job
// ever gets here; nothing schedules one.
type License struct {
	Ledger *state.Ledger
	Cloud  LicenseCloud // nil: cloud communication is disabled
	Verify func(raw json.RawMessage, cloudOrganization sponsorship.ID) (license.Document, error)
	Store  *license.Store
	Now    func() time.Time
}

// Sync handles sync-license jobs. What stands in the way for good is recorded
// and announced, once a job and cause; an outage only when the job gives up.
func (h *License) Sync(ctx context.Context, job jobs.Job[jobs.SyncLicense]) error {
	org := job.Args.OrganizationID
	seen, err := h.Ledger.Look(ctx, org, "", marker(job.ID, nil))
	if err != nil || seen.Applied {
		return err
	}
	document, err := h.renew(ctx, org)
	if err == nil {
		return h.record(ctx, licenseOutcome{org: org, jobID: job.ID, document: document})
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Code.Transient() && job.Attempt < job.MaxAttempts {
		return later(err)
	}
	if err := h.record(ctx, licenseOutcome{org: org, jobID: job.ID, document: document, fault: f}); err != nil {
		return err
	}
	return jobs.Permanent(err)
}

// renew brings the licence from the cloud to the disk.
func (h *License) renew(ctx context.Context, org sponsorship.ID) (license.Document, error) {
	if h.Cloud == nil {
		return license.Document{}, fault.New(fault.CloudCommunicationDisabled,
			"licence sync of organisation %s: cloud communication is switched off on this server", org)
	}
	connection, err := h.Ledger.Connection(ctx, org)
	if err != nil {
		return license.Document{}, err
	}
	if connection.LicenseKey == "" {
		return license.Document{}, fault.New(fault.LicenseKeyInvalid,
			"licence sync of organisation %s: its connection holds no licence key", org)
	}
	raw, err := h.Cloud.License(ctx, cloud.LicenseRequest{
		CloudOrganizationID: string(connection.CloudOrganizationID),
		LicenseKey:          connection.LicenseKey, BillingSyncKey: connection.BillingSyncToken,
	})
	if err != nil {
		return license.Document{}, err
	}
	document, err := h.Verify(raw, connection.CloudOrganizationID)
	if err != nil {
		return document, err
	}
	if err := h.Store.Write(org, document); err != nil { // waiting does not repair a disk
		return document, fault.Wrap(fault.LicenseRejected, err,
			"the licence is sound but could not be kept below SPONSORSYNC_LICENSE_DIR: %s", err)
	}
	return document, nil
}

// later leaves the delay to the queue unless the cloud named one.
func later(err error) error {
	var answer *cloud.Error
	if errors.As(err, &answer) && answer.RetryAfter > 0 {
		return jobs.RetryAfter(answer.RetryAfter, err)
	}
	return err
}

// licenseOutcome is how one job ended: fault is nil for a success.
type licenseOutcome struct {
	org      sponsorship.ID
	jobID    string
	document license.Document // zero if there was none
	fault    *fault.Error
}

// record stores the outcome with its event. The event's number is its place
// among the organisation's licence syncs; when another one took it, the next is
// tried.
func (h *License) record(ctx context.Context, o licenseOutcome) error {
	for range maxConflicts {
		number, err := h.Ledger.LicenseEventNumber(ctx, o.org)
		if err != nil {
			return err
		}
		now := h.Now()
		event, err := events.NewLicense(o.data(), strconv.FormatInt(number, 10), now)
		if err != nil {
			return err
		}
		recorded, err := h.Ledger.RecordLicense(ctx, o.org, state.LicenseOutcome{
			JobID: marker(o.jobID, o.fault), Fault: o.fault, Number: number,
			Event: (*state.Event)(&event),
		}, now)
		if err != nil || recorded {
			return err
		}
	}
	return fmt.Errorf("record licence sync of %s: too many others end at once", o.org)
}

// marker names an outcome of a job, so that the same one is recorded once, and
// another one still is when somebody runs a dead job again after the repair.
func marker(jobID string, f *fault.Error) string {
	if f == nil {
		return jobID + "/synced"
	}
	return jobID + "/" + string(f.Code)
}

func (o licenseOutcome) data() events.License {
	data := events.License{OrganizationID: o.org, Expires: o.document.Expires, Error: events.ErrorOf(o.fault)}
	if o.document.Version != 0 {
		data.Version = &o.document.Version
	}
	return data
}
