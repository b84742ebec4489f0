package cloud_test

import (
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// FuzzDecodeSync: whatever comes, each answer belongs to one row that was asked
// for, and an error quotes nothing of it.
func FuzzDecodeSync(f *testing.F) {
	for _, seed := range []string{
		emptyBatch, `{}`, `[]`, `null`, `<html>`, `{"sponsorshipsBatch":null}`, `{"sponsorshipsBatch":[null]}`,
		`{"sponsorshipsBatch":[{"sponsoringOrganizationUserId":"` + user1 + `","validUntil":"2027-01-01T00:00:00","toDelete":true}]}`,
		`{"sponsorshipsBatch":[{"sponsoringOrganizationUserId":"{` + strings.ToUpper(user1) + `}","lastSyncDate":"2026-08-20T19:16:19.1234567Z"}]}`,
		`{"sponsorshipsBatch":[{"sponsoringOrganizationUserId":"` + user1 + `","validUntil":5}]}`,
	} {
		f.Add([]byte(seed))
	}
	asked := map[string]bool{user1: true, user2: true}
	f.Fuzz(func(t *testing.T, raw []byte) {
		answers, err := cloud.DecodeSync(raw, asked)
		if err != nil {
			if answers != nil || len(err.Error()) > 50 {
				t.Fatalf("got %v with %q", answers, err)
			}
			return
		}
		seen := map[string]bool{}
		for _, a := range answers {
			if !asked[a.UserID] || seen[a.UserID] {
				t.Fatalf("answer for %q, asked for %v, seen %v", a.UserID, asked, seen)
			}
			seen[a.UserID] = true
		}
	})
}
