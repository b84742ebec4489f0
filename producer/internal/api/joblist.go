package api

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/audit"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// jobList is one page. NextCursor is null on the last one.
type jobList struct {
	Jobs       []view.Job `json:"jobs"`
	NextCursor *string    `json:"nextCursor"`
}

// getJobs lists jobs by state and organization.
func (a *API) getJobs(w http.ResponseWriter, r *http.Request) error {
	query, err := jobQuery(r.URL.Query())
	if err != nil {
		return err
	}
	found, next, err := a.inspector.List(r.Context(), query)
	if err != nil {
		return view.CursorFault(err)
	}
	list := jobList{make([]view.Job, len(found)), view.OrNull(next)}
	for i, job := range found {
		list.Jobs[i] = view.ShowJob(job)
	}
	return writeJSON(w, http.StatusOK, list)
}

// jobQuery reads state (repeatable, or separated by commas), organizationId, limit and
// cursor.
func jobQuery(q url.Values) (query enqueue.Query, err error) {
	query.Cursor = q.Get("cursor")
	if query.States, err = view.NamesOf(q, "state", enqueue.States()); err != nil {
		return query, err
	}
	if text := q.Get("organizationId"); text != "" {
		org, err := sponsorship.ParseID(text)
		if err != nil {
			return query, view.Invalid("organizationId", "must be a UUID")
		}
		query.Organization = org
	}
	query.Limit, err = view.LimitOf(q, defaultLimit)
	return query, err
}

// retryJob runs a dead job again, under another id.
func (a *API) retryJob(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	job, _, err := a.inspector.Job(r.Context(), id)
	if err != nil {
		return err
	}
	again, err := a.inspector.Retry(r.Context(), id)
	if err != nil {
		return deadJobError(err)
	}
	a.note(r, audit.Deed{Action: "retry job", Organization: job.Organization, User: job.User, Job: id})
	w.Header().Set("Location", a.jobAddress(again))
	return writeJSON(w, http.StatusAccepted, receipt{ID: again, Kind: job.Kind})
}

// deleteJob drops a dead job for good.
func (a *API) deleteJob(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	job, _, err := a.inspector.Job(r.Context(), id)
	if err != nil {
		return err
	}
	if err := a.inspector.Delete(r.Context(), id); err != nil {
		return deadJobError(err)
	}
	a.note(r, audit.Deed{Action: "delete job", Organization: job.Organization, User: job.User, Job: id})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deadJobError says why a job was left as it is.
func deadJobError(err error) error {
	switch {
	case errors.Is(err, enqueue.ErrNotFound):
		return noSuchJob()
	case errors.Is(err, enqueue.ErrNotDead), errors.Is(err, enqueue.ErrForgotten):
		return view.WithStatus(http.StatusConflict, fault.New(fault.InvalidArguments, "%s", err))
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.Superseded {
		return view.WithStatus(http.StatusConflict, f)
	}
	return err
}

func noSuchJob() error {
	return view.NotFound(fault.NotFound, "no job has this id; a job that is done is kept for a day")
}
