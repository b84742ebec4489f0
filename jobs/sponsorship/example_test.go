package sponsorship_test

import (
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// A sponsorship's way: somebody asks (Decide), a sync sends it (Plan), the cloud
// answers (Apply). All three are pure; the worker stores what each returns.
func Example() {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := sponsorship.Sponsorship{
		OrganizationID: "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f", UserID: "0b0b0b0b-ab5d-4bb3-9b7a-000000000001",
	}
	show := func(by string) { fmt.Println(by, s.Status, s.Intent, s.Revision) }

	s, _, err := sponsorship.Decide(s, sponsorship.Redeem{Email: "mum@example.com"}, sponsorship.Stamp{Now: now, JobID: "job-1"})
	if err != nil {
		fmt.Println(err) // a fault, such as already_sponsoring
		return
	}
	show("Decide:")
	row, due := sponsorship.Plan(s, now)
	fmt.Println("Plan:", row.Email, due)
	s = sponsorship.Apply(row, sponsorship.Answer{Present: true}, now)
	show("Apply:")
	// Output:
	// Decide: pending redeem 1
	// Plan: mum@example.com true
	// Apply: sent  3
}
