package view_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

const acme sponsorship.ID = "11111111-1111-4111-8111-111111111111"

func member(n int) sponsorship.ID {
	return sponsorship.ID(fmt.Sprintf("aaaaaaaa-aaaa-4aaa-8aaa-%012d", n))
}

// ledgerOf has 25 sponsorships of three statuses; every fifth is somebody's grandmother.
func ledgerOf(t *testing.T) *state.Ledger {
	t.Helper()
	stack := jobstest.Value(jobstest.Start(jobstest.Options{}))(t)
	t.Cleanup(func() { jobstest.Must(t, stack.Close()) })
	rdb := jobstest.Value(enqueue.NewRedis(stack.RedisURL()))(t)
	t.Cleanup(func() { _ = rdb.Close() })
	for n := range 25 {
		s := sponsorship.Sponsorship{
			OrganizationID: acme, UserID: member(n), Email: fmt.Sprintf("home%d@example.com", n), Name: "Home", Revision: 1, UpdatedAt: noon,
			Status: []sponsorship.Status{sponsorship.Sent, sponsorship.Redeemed, sponsorship.Removed}[n%3],
		}
		if n%5 == 0 {
			s.Name = "Grandmother"
		}
		jobstest.Must(t, jobstest.Ledger{Redis: rdb}.Put(t.Context(), s))
	}
	return state.New(rdb, nil)
}

// Whoever goes to the end and back sees every page twice, and each row once on the way.
func TestPagesLeadBothWays(t *testing.T) {
	t.Parallel()
	l := ledgerOf(t)
	for _, c := range []struct {
		asked       view.Asked
		rows, pages int
	}{
		{view.Asked{}, 25, 7}, {view.Asked{Page: state.Page{Statuses: []sponsorship.Status{sponsorship.Redeemed}}}, 8, 2},
		{view.Asked{Search: "GRANDmother"}, 5, 2}, {view.Asked{Search: "nobody"}, 0, 1},
		{view.Asked{Search: "zoe", Match: func(user sponsorship.ID, _ string) bool { return user == member(3) }}, 1, 1},
		{view.Asked{Search: string(member(7))}, 1, 1},
	} {
		c.asked.Limit = 4
		pages := [][]view.Sponsorship{}
		var last view.Listing
		for {
			last = jobstest.Value(view.ReadPage(t.Context(), l, acme, c.asked))(t)
			pages = append(pages, last.Rows)
			if c.asked.Cursor = last.Next; last.Next == "" {
				break
			}
		}
		jobstest.Equal(t, "rows of "+c.asked.Search, len(slices.Concat(pages...)), c.rows)
		jobstest.Equal(t, "pages of "+c.asked.Search, len(pages), c.pages)
		if c.asked.Search != "" {
			jobstest.Equal(t, "found "+c.asked.Search, last.Found, c.rows)
		}
		for i := len(pages) - 2; i >= 0; i-- {
			c.asked.Cursor = last.Previous
			last = jobstest.Value(view.ReadPage(t.Context(), l, acme, c.asked))(t)
			if !slices.EqualFunc(last.Rows, pages[i], same) || last.Next == "" {
				t.Errorf("%q: page %d is another one on the way back", c.asked.Search, i)
			}
		}
		jobstest.Equal(t, "before the first page of "+c.asked.Search, last.Previous, "")
	}
}

func same(a, b view.Sponsorship) bool { return a.OrganizationUserID == b.OrganizationUserID }

func TestTheLastPageNeedsNoWayThere(t *testing.T) {
	t.Parallel()
	l := ledgerOf(t)
	for _, search := range []string{"", "home"} {
		last := jobstest.Value(view.ReadPage(t.Context(), l, acme, view.Asked{Page: state.Page{Limit: 4, Cursor: view.LastPage}, Search: search}))(t)
		if len(last.Rows) != 4 || last.Next != "" || last.Previous == "" || last.Rows[3].OrganizationUserID != member(23) {
			t.Errorf("%q: got %+v", search, last)
		}
	}
	_, err := view.ReadPage(t.Context(), l, acme, view.Asked{Page: state.Page{Limit: 4, Cursor: "-nonsense"}})
	jobstest.Equal(t, "nonsense", fault.CodeOf(err), fault.InvalidArguments)
}
