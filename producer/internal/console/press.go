package console

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/audit"
	"github.com/sponsorsync/sponsorsync/producer/internal/connection"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

func (c *Console) sync(w http.ResponseWriter, r *http.Request) error {
	org, err := organizationOf(r)
	if err != nil {
		return err
	}
	c.limit(w, r)
	off := r.PostFormValue("officialJobOff") != ""
	return c.press(w, r, jobs.Sync{OrganizationID: org, OfficialJobOff: off}, "/organizations/"+string(org))
}

func (c *Console) syncLicense(w http.ResponseWriter, r *http.Request) error {
	org, err := organizationOf(r)
	if err != nil {
		return err
	}
	c.limit(w, r)
	return c.press(w, r, jobs.SyncLicense{OrganizationID: org}, "/organizations/"+string(org))
}

// limit bounds a form.
func (c *Console) limit(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
}

// press enqueues what a button stands for, once for each time its page was made,
// and goes back to the page, which says what becomes of the job.
func (c *Console) press(w http.ResponseWriter, r *http.Request, args jobs.Args, back string) error {
	var once enqueue.Idempotency
	if key := r.PostFormValue("key"); key != "" {
		once.Key = fmt.Sprintf("console %s %s %s", args.Kind(), r.PostFormValue("action"), key)
	}
	receipt, err := c.p.Jobs.Enqueue(r.Context(), args, enqueue.WithIdempotency(once))
	if err != nil {
		return err
	}
	if !receipt.Duplicate {
		c.note(r, audit.Asked(args, receipt.ID))
	}
	c.goTo(w, r, back+"?job="+receipt.ID)
	return nil
}

// note writes who pressed a button.
func (c *Console) note(r *http.Request, d audit.Deed) {
	who, _ := c.p.Access.Caller(r) // the page has checked it
	audit.Note(c.p.Log, who.Name, d)
}

// connect saves how an organization is known to the cloud.
func (c *Console) connect(w http.ResponseWriter, r *http.Request) error {
	c.limit(w, r)
	org, err := sponsorship.ParseID(strings.TrimSpace(r.PostFormValue("org")))
	if err != nil {
		return view.Invalid("Organization id", "must be a UUID")
	}
	cloud, err := sponsorship.ParseID(strings.TrimSpace(r.PostFormValue("cloudOrg")))
	if err != nil {
		return view.Invalid("Cloud organization id", "must be a UUID: it is the Id in the license file")
	}
	_, err = connection.Saver{Ledger: c.p.Ledger, Waker: c.system}.Save(r.Context(), org, state.Connection{
		CloudOrganizationID: cloud, BillingSyncToken: secret.Text(r.PostFormValue("token")), LicenseKey: secret.Text(r.PostFormValue("licenseKey")),
	})
	if err != nil {
		return err
	}
	c.note(r, audit.Deed{Action: "connect", Organization: org})
	c.goTo(w, r, "/organizations/"+string(org))
	return nil
}

func (c *Console) pause(w http.ResponseWriter, r *http.Request) error {
	org, err := organizationOf(r)
	if err != nil {
		return err
	}
	if err := c.p.Ledger.Stop(r.Context(), org, c.p.Now()); err != nil {
		return err
	}
	c.note(r, audit.Deed{Action: "pause", Organization: org})
	c.goTo(w, r, "/organizations/"+string(org))
	return nil
}

func (c *Console) resume(w http.ResponseWriter, r *http.Request) error {
	org, err := organizationOf(r)
	if err != nil {
		return err
	}
	ended, err := c.p.Ledger.Go(r.Context(), org)
	if err != nil {
		return err
	}
	known, _, err := c.p.Ledger.Organization(r.Context(), org)
	if err == nil && ended && known.Started {
		err = c.system.WakeNow(r.Context(), org, known.Generation)
	}
	if err != nil {
		return err
	}
	c.note(r, audit.Deed{Action: "resume", Organization: org})
	c.goTo(w, r, "/organizations/"+string(org))
	return nil
}

func (c *Console) retry(w http.ResponseWriter, r *http.Request) error {
	c.limit(w, r)
	id := r.PathValue("id")
	job, _, err := c.inspector.Job(r.Context(), id)
	if err != nil {
		return err
	}
	again, err := c.inspector.Retry(r.Context(), id)
	if err != nil {
		return jobProblem(err)
	}
	c.note(r, audit.Deed{Action: "retry job", Organization: job.Organization, User: job.User, Job: id})
	back := ours(r.PostFormValue("back"))
	if back != "/" { // the overview has no place for a notice
		back += "?job=" + again
	}
	c.goTo(w, r, back)
	return nil
}

func (c *Console) drop(w http.ResponseWriter, r *http.Request) error {
	c.limit(w, r)
	id := r.PathValue("id")
	job, _, err := c.inspector.Job(r.Context(), id)
	if err != nil {
		return err
	}
	if err := c.inspector.Delete(r.Context(), id); err != nil {
		return jobProblem(err)
	}
	c.note(r, audit.Deed{Action: "delete job", Organization: job.Organization, User: job.User, Job: id})
	c.goTo(w, r, ours(r.PostFormValue("back")))
	return nil
}

// jobProblem says why a dead job was left as it is.
func jobProblem(err error) error {
	gone := fault.New(fault.NotFound, "this job is not dead any more: somebody retried or dropped it, or a later sync has made it good")
	switch {
	case errors.Is(err, enqueue.ErrNotFound):
		return view.WithStatus(http.StatusNotFound, gone)
	case errors.Is(err, enqueue.ErrNotDead):
		return view.WithStatus(http.StatusConflict, gone)
	case errors.Is(err, enqueue.ErrForgotten):
		return view.WithStatus(http.StatusConflict, fault.New(fault.InvalidArguments, "%v", err))
	case fault.CodeOf(err) == fault.Superseded:
		superseded := &fault.Error{}
		errors.As(err, &superseded)
		return view.WithStatus(http.StatusConflict, superseded)
	}
	return err
}
