package audit_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/audit"
)

func TestALineSaysWhoDidWhatAndHoldsNoAddress(t *testing.T) {
	t.Parallel()
	const org, user sponsorship.ID = "11111111-1111-4111-8111-111111111111", "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1"
	for _, c := range []struct {
		args jobs.Args
		want map[string]any
	}{
		{jobs.Sync{OrganizationID: org}, map[string]any{"action": "sync"}},
		{jobs.Redeem{OrganizationID: org, OrganizationUserID: user, SponsoredEmail: "mum@example.com"}, map[string]any{"action": "redeem", "user": string(user)}},
		{jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: user, Revoke: true}, map[string]any{"action": "revoke", "user": string(user)}},
		{jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: user, Resend: true}, map[string]any{"action": "resend", "user": string(user)}},
		{jobs.ChangeSponsorship{OrganizationID: org, OrganizationUserID: user, SponsoredEmail: "dad@example.com"}, map[string]any{"action": "change-sponsorship", "user": string(user)}},
	} {
		var out bytes.Buffer
		audit.Note(zerolog.New(&out), "API token", audit.Asked(c.args, "job-1"))
		if bytes.Contains(out.Bytes(), []byte("@")) {
			t.Errorf("holds an address: %s", out.Bytes())
		}
		var line map[string]any
		jobstest.Must(t, json.Unmarshal(out.Bytes(), &line))
		c.want["message"], c.want["who"], c.want["organization"], c.want["job"] = "audit", "API token", string(org), "job-1"
		for name, want := range c.want {
			jobstest.Equal(t, name, line[name], want)
		}
		jobstest.Equal(t, "user", line["user"], c.want["user"])
	}
}
