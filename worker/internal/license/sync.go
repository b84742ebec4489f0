package license

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
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
	"github.com/sponsorsync/sponsorsync/worker/internal/ledger"
)

// Cloud is what a license sync needs of the cloud.
type Cloud interface {
	// Allowed returns a fault while this server may not call the cloud at all.
	Allowed() error
	// LicenseTurn waits until the next License may leave.
	LicenseTurn(ctx context.Context, lane cloud.Lane) error
	License(ctx context.Context, r cloud.LicenseRequest) (json.RawMessage, error)
}

// Params are a Syncer's parts; all are required.
type Params struct {
	Ledger *ledger.Ledger
	Cloud  Cloud
	Verify func(raw json.RawMessage, cloudOrganization sponsorship.ID) (Document, error)
	Store  *Store
}

// Syncer fetches a fresh license, checks it and keeps it. Only a person's job
// ever gets here; nothing schedules one.
type Syncer struct{ p Params }

// New returns an error when a part is missing.
func New(p Params) (*Syncer, error) {
	if p.Ledger == nil || p.Cloud == nil || p.Verify == nil || p.Store == nil {
		return nil, errors.New("make license syncer: a ledger, a cloud, a verifier and a store are needed")
	}
	return &Syncer{p}, nil
}

// maxConflicts bounds how often one job loses the race for an event's number;
// then it takes its turn again.
const maxConflicts = 8

// Sync handles sync-license jobs. What stands in the way for good is recorded
// and announced, once per job and cause; an outage only when the job gives up.
func (s *Syncer) Sync(ctx context.Context, job jobs.Job[jobs.SyncLicense]) error {
	org := job.Args.OrganizationID
	done, err := s.p.Ledger.Applied(ctx, org, marker(job.ID, nil))
	if err != nil || done {
		return err
	}
	document, err := s.renew(ctx, org)
	if err == nil {
		return s.record(ctx, outcome{org: org, jobID: job.ID, document: document})
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Code == fault.Paused || f.Code.Transient() && job.Attempt < job.MaxAttempts {
		return later(err)
	}
	if err := s.record(ctx, outcome{org: org, jobID: job.ID, document: document, fault: f}); err != nil {
		return err
	}
	return jobs.Permanent(err)
}

// renew brings the license from the cloud to the disk.
func (s *Syncer) renew(ctx context.Context, org sponsorship.ID) (Document, error) {
	if err := s.p.Cloud.Allowed(); err != nil {
		return Document{}, fmt.Errorf("license sync of organization %s: %w", org, err)
	}
	if err := s.stopped(ctx, org); err != nil {
		return Document{}, err
	}
	connection, err := s.p.Ledger.Connection(ctx, org)
	if err != nil {
		return Document{}, err
	}
	if connection.LicenseKey == "" {
		return Document{}, fault.New(fault.LicenseKeyInvalid,
			"license sync of organization %s: its connection holds no license key", org)
	}
	raw, err := s.fetch(ctx, org, cloud.LicenseRequest{
		CloudOrganizationID: string(connection.CloudOrganizationID),
		LicenseKey:          connection.LicenseKey, BillingSyncKey: connection.BillingSyncToken,
	})
	if err != nil {
		return Document{}, err
	}
	document, err := s.p.Verify(raw, connection.CloudOrganizationID)
	if err != nil {
		return document, err
	}
	if err := s.p.Store.Write(org, document); err != nil { // waiting does not repair a disk
		return document, fault.Wrap(fault.LicenseRejected, err,
			"the license is sound but could not be kept below SPONSORSYNC_LICENSE_DIR: %s", err)
	}
	return document, nil
}

// fetch takes a turn and sends; again if the token died early.
func (s *Syncer) fetch(ctx context.Context, org sponsorship.ID, r cloud.LicenseRequest) (json.RawMessage, error) {
	lane := func(ctx context.Context) (urgent bool, err error) { return true, s.stopped(ctx, org) }
	for {
		if err := s.p.Cloud.LicenseTurn(ctx, lane); err != nil {
			return nil, err
		}
		raw, err := s.p.Cloud.License(ctx, r)
		if !errors.Is(err, cloud.ErrTokenDied) {
			return raw, err
		}
	}
}

// stoppedLook is how soon a job looks again whether sending was resumed.
const stoppedLook = 5 * time.Second

// stopped returns a paused fault while a person has stopped sending.
func (s *Syncer) stopped(ctx context.Context, org sponsorship.ID) error {
	stopped, err := s.p.Ledger.Stopped(ctx, org)
	if err != nil || !stopped {
		return err
	}
	return fault.New(fault.Paused, "license sync of organization %s: sending is paused", org)
}

// later leaves the delay to the queue unless the cloud named one.
func later(err error) error {
	if wait, ok := errors.AsType[*cloud.NotYet](err); ok { // our own limit: no attempt is used
		return jobs.Snooze(wait.After, wait.Error())
	}
	if fault.CodeOf(err) == fault.Paused {
		return jobs.Snooze(stoppedLook, err.Error())
	}
	if answer, ok := errors.AsType[*cloud.Error](err); ok && answer.RetryAfter > 0 {
		return jobs.RetryAfter(answer.RetryAfter, err)
	}
	return err
}

// outcome is how one job ended: fault is nil for a success.
type outcome struct {
	org      sponsorship.ID
	jobID    string
	document Document // zero if there was none
	fault    *fault.Error
}

// record stores the outcome with its event. The event's number is its place
// among the organization's license syncs; when another one took it, the next is
// tried.
func (s *Syncer) record(ctx context.Context, o outcome) error {
	for range maxConflicts {
		number, err := s.p.Ledger.LicenseEventNumber(ctx, o.org)
		if err != nil {
			return err
		}
		event, err := events.NewLicense(o.data(), strconv.FormatInt(number, 10), s.p.Ledger.Now(o.org))
		if err != nil {
			return err
		}
		recorded, err := s.p.Ledger.RecordLicense(ctx, o.org, ledger.LicenseOutcome{
			JobID: marker(o.jobID, o.fault), Fault: o.fault, Number: number,
			Event: &event,
		})
		if err != nil || recorded {
			return err
		}
	}
	return fmt.Errorf("record license sync of %s: too many others end at once", o.org)
}

// marker names an outcome of a job, so that the same one is recorded once, and
// another one still is when somebody runs a dead job again after the repair.
func marker(jobID string, f *fault.Error) string {
	if f == nil {
		return jobID + "/synced"
	}
	return jobID + "/" + string(f.Code)
}

func (o outcome) data() events.License {
	data := events.License{OrganizationID: o.org, Expires: o.document.Expires, Error: o.fault}
	if o.document.Version != 0 {
		data.Version = &o.document.Version
	}
	return data
}
