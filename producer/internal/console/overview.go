package console

import (
	"context"
	"net/http"
	"slices"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// deadShown is how many dead jobs a page lists; the command line has all.
const deadShown = 20

// overview is the first page: the health of the whole, every organization, and the jobs
// that died.
type overview struct {
	Health        healthRow
	Organizations []organizationCard
	Dead          deadJobs
	ReadOnly      bool
}

// deadJobs are jobs that failed for good, with their buttons.
type deadJobs struct {
	Jobs     []enqueue.Status
	More     bool
	ReadOnly bool
	Back     string              // where the buttons lead
	Said     map[fault.Code]bool // what the page says already what to do about
}

// healthRow is the report in one row: the parts that everything rests on. Whatever is
// amiss stands below it.
type healthRow struct {
	health.Report
	Row      []healthPart
	Troubles []healthPart
}

type healthPart struct {
	Title string
	health.Part
}

var partTitles = [][2]string{
	{health.PartWorker, "Worker"}, {health.PartRedis, "Redis"}, {health.PartNATS, "NATS"}, {health.PartCloud, "Cloud"}, {health.PartScheduler, "Scheduler"},
	{health.PartSending, "Sending"}, {health.PartQueues, "Queues"}, {health.PartOutbox, "Events"}, {health.PartJobs, "Jobs"},
	{health.PartMemory, "Memory of Redis"}, {health.PartOrganizations, "Organizations"}, {health.PartLicenses, "Licenses"}, {health.PartBridge, "Bridge"},
}

// always is how many of the parts are shown also when they are well.
const always = 5

// OnPage reports whether the page itself says below what to do about it.
func (p healthPart) OnPage() bool {
	return p.Name == health.PartJobs || p.Name == health.PartOrganizations
}

func newHealthRow(r health.Report) healthRow {
	row := healthRow{Report: r}
	for i, t := range partTitles {
		p := healthPart{t[1], r.Part(t[0])}
		amiss := p.Status == health.Warn || p.Status == health.Fail
		if i < always {
			row.Row = append(row.Row, p)
		}
		if amiss {
			row.Troubles = append(row.Troubles, p)
		}
	}
	return row
}

func (c *Console) overview(w http.ResponseWriter, r *http.Request) error {
	all, err := view.ReadOrganizations(r.Context(), c.p.Ledger)
	if err != nil {
		return err
	}
	page := overview{Health: newHealthRow(c.p.Health(r.Context())), ReadOnly: c.readOnly(r)}
	names := c.organizationNames(r.Context(), all)
	for _, o := range all {
		of := card(o)
		of.Name = names[o.OrganizationID]
		page.Organizations = append(page.Organizations, of)
	}
	slices.SortStableFunc(page.Organizations, func(a, b organizationCard) int { return len(b.Problems) - len(a.Problems) })
	if page.Dead, err = c.dead(r.Context(), r, "", "/", page.Organizations...); err != nil {
		return err
	}
	c.render(w, r, answer{http.StatusOK, "overview", page})
	return nil
}

// dead lists dead jobs, of one organization if it is given. What the page says of the
// organizations need not be said again.
func (c *Console) dead(ctx context.Context, r *http.Request, org sponsorship.ID, back string, shown ...organizationCard) (deadJobs, error) {
	found := deadJobs{ReadOnly: c.readOnly(r), Back: back, Said: map[fault.Code]bool{}}
	for _, o := range shown {
		for _, p := range o.Problems {
			found.Said[p.Code] = true
		}
	}
	for job, err := range c.inspector.Dead(ctx) {
		if err != nil {
			return found, err
		}
		if org != "" && job.Organization != org {
			continue
		}
		if found.More = len(found.Jobs) == deadShown; found.More {
			break
		}
		found.Jobs = append(found.Jobs, job)
	}
	return found, nil
}

func (c *Console) readOnly(r *http.Request) bool {
	who, _ := c.p.Access.Caller(r) // whoever gets here was let in
	return who.ReadOnly
}
