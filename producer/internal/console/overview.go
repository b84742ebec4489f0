package console

import (
	"net/http"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// deadShown is how many dead jobs the first page lists; the command line has all.
const deadShown = 20

// overview is the first page: every organization, and the jobs that died.
type overview struct {
	Organizations []organizationCard
	Dead          []enqueue.Status
	MoreDead      bool
}

func (c *Console) overview(w http.ResponseWriter, r *http.Request) error {
	all, err := view.ReadOrganizations(r.Context(), c.p.Ledger)
	if err != nil {
		return err
	}
	var page overview
	for _, o := range all {
		page.Organizations = append(page.Organizations, card(o))
	}
	for dead, err := range c.inspector.Dead(r.Context()) {
		if err != nil {
			return err
		}
		if page.MoreDead = len(page.Dead) == deadShown; page.MoreDead {
			break
		}
		page.Dead = append(page.Dead, dead)
	}
	c.render(w, r, answer{http.StatusOK, "overview", page})
	return nil
}
