package events_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// documents are all shapes of events, keyed by the golden file that pins the bytes.
func documents(t testing.TB) map[string]events.Encoded {
	t.Helper()
	berlin := time.FixedZone("", 3600)
	until, version := noon.AddDate(1, 0, 0).In(berlin), 15
	down := fault.New(fault.CloudUnavailable, "POST /organization/sponsorship/sync: 503")
	encoded := func(e events.Encoded, err error) events.Encoded { jobstest.Must(t, err); return e }
	return map[string]events.Encoded{
		"sponsorship-first": encoded(events.NewSponsorship(events.Sponsorship{
			OrganizationID: acme, OrganizationUserID: user1, To: sponsorship.Pending,
			Intent: sponsorship.IntentRedeem, Revision: 1, JobID: "job-1"}, noon.In(berlin))),
		"sponsorship-redeemed": encoded(events.NewSponsorship(events.Sponsorship{
			OrganizationID: acme, OrganizationUserID: user1, From: sponsorship.Sent, To: sponsorship.Redeemed,
			Revision: 7, ValidUntil: &until, LastSyncAt: &noon, JobID: "job-2"}, noon)),
		"sponsorship-refused": encoded(events.NewSponsorship(events.Sponsorship{
			OrganizationID: acme, OrganizationUserID: user1, From: sponsorship.Pending, To: sponsorship.Refused, Revision: 3,
			Reason: &sponsorship.Reason{Code: "not_accepted", Message: "left out of the answer"}, JobID: "job-3"}, noon)),
		"sync-succeeded": encoded(events.NewSync(events.Sync{
			OrganizationID: acme, Trigger: "manual", Requests: 2, Rows: 1500, Removed: 3, Refused: 1, DurationMS: 812}, "41", noon)),
		"sync-failed": encoded(events.NewSync(events.Sync{
			OrganizationID: acme, Trigger: "scheduled", Requests: 1, Error: down}, "42", noon)),
		"license-synced": encoded(events.NewLicense(events.License{
			OrganizationID: acme, Version: &version, Expires: &until}, "job-4", noon)),
		"license-failed": encoded(events.NewLicense(events.License{OrganizationID: acme, Error: down}, "job-5", noon)),
		"bridge-held":    encoded(events.NewHeld(events.Bridge{OrganizationID: acme, Reason: fault.HeldRestored}, noon)),
		"bridge-resumed": encoded(events.NewResumed(events.Bridge{
			OrganizationID: acme, OrganizationUserID: user1, Reason: fault.HeldRowVanished}, noon)),
	}
}

// UPDATE_GOLDEN=1 writes the files anew. A change of them is a change
// of the contract with every subscriber.
func TestWireFormatIsPinned(t *testing.T) {
	t.Parallel()
	for file, e := range documents(t) {
		path := filepath.Join("testdata", file+".json")
		got := string(e.Payload) + "\n"
		if os.Getenv("UPDATE_GOLDEN") != "" {
			jobstest.Must(t, os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		jobstest.Must(t, err)
		if got != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", path, got, want)
		}
	}
}

// An id begins as the table says and ends in a digest, which the golden files pin.
func TestSubjectsIdsAndKeys(t *testing.T) {
	t.Parallel()
	org, user := string(acme), string(user1)
	docs := documents(t)
	for file, want := range map[string]events.Encoded{
		"sponsorship-redeemed": {ID: org + "." + user + ".7.", Key: org + "/" + user,
			Subject: "sponsorsync." + org + ".sponsorship." + user + ".redeemed"},
		"sync-succeeded": {ID: org + ".sync.41.", Key: org, Subject: "sponsorsync." + org + ".sync.succeeded"},
		"sync-failed":    {ID: org + ".sync.42.", Key: org, Subject: "sponsorsync." + org + ".sync.failed"},
		"license-synced": {ID: org + ".license.job-4.", Key: org, Subject: "sponsorsync." + org + ".license.synced"},
		"license-failed": {ID: org + ".license.job-5.", Key: org, Subject: "sponsorsync." + org + ".license.failed"},
		"bridge-held":    {ID: org + ".bridge.restored.", Key: org, Subject: "sponsorsync." + org + ".bridge.held"},
		"bridge-resumed": {ID: org + ".bridge.row_vanished.", Key: org, Subject: "sponsorsync." + org + ".bridge.resumed"},
	} {
		got := docs[file]
		digest, found := strings.CutPrefix(got.ID, want.ID)
		if !found || len(digest) != 16 {
			t.Errorf("%s: id %s, want %s and 16 digits", file, got.ID, want.ID)
		}
		jobstest.Equal(t, file+" key", got.Key, want.Key)
		jobstest.Equal(t, file+" subject", got.Subject, want.Subject)
	}
}

// A ledger that was put back, or emptied, counts its revisions and syncs again:
// only the same document may come under the same id.
func TestTwoFactsNeverShareAnID(t *testing.T) {
	t.Parallel()
	later := noon.Add(time.Millisecond)
	sponsorships := events.Sponsorship{
		OrganizationID: acme, OrganizationUserID: user1, From: sponsorship.Pending, To: sponsorship.Sent, Revision: 3, JobID: "a"}
	syncs := events.Sync{OrganizationID: acme, Trigger: "manual", Rows: 1}
	licenses := events.License{OrganizationID: acme}
	seen := map[string]string{}
	note := func(name string, e events.Encoded, err error) {
		jobstest.Must(t, err)
		if first, twice := seen[e.ID]; twice {
			t.Errorf("%q and %q have one id: %s", first, name, e.ID)
		}
		seen[e.ID] = name
	}
	for name, vary := range map[string]func(*events.Sponsorship){
		"as it was":        func(*events.Sponsorship) {},
		"another status":   func(s *events.Sponsorship) { s.To = sponsorship.Refused },
		"another origin":   func(s *events.Sponsorship) { s.From = sponsorship.Refused },
		"another intent":   func(s *events.Sponsorship) { s.To, s.Intent = sponsorship.Pending, sponsorship.IntentRevoke },
		"another end":      func(s *events.Sponsorship) { s.ValidUntil = &later },
		"another reason":   func(s *events.Sponsorship) { s.Reason = &sponsorship.Reason{Code: "not_accepted"} },
		"another job":      func(s *events.Sponsorship) { s.JobID = "b" },
		"another revision": func(s *events.Sponsorship) { s.Revision = 4 },
	} {
		data := sponsorships
		vary(&data)
		e, err := events.NewSponsorship(data, noon)
		note(name, e, err)
	}
	e, err := events.NewSponsorship(sponsorships, later)
	note("later", e, err)
	for _, at := range []time.Time{noon, later} {
		e, err := events.NewSync(syncs, "1", at)
		note("sync "+at.String(), e, err)
		e, err = events.NewLicense(licenses, "1", at)
		note("license "+at.String(), e, err)
	}
	again, err := events.NewSponsorship(sponsorships, noon)
	jobstest.Must(t, err)
	jobstest.Equal(t, "the same fact", seen[again.ID], "as it was")
}

func TestDecodeReadsBackWhatWasEncoded(t *testing.T) {
	t.Parallel()
	want := events.Sponsorship{
		OrganizationID: acme, OrganizationUserID: user1, To: sponsorship.Pending, Intent: sponsorship.IntentRevoke,
		Revision: 9, ValidUntil: &noon, Reason: &sponsorship.Reason{Code: "not_accepted", Message: "m"}, JobID: "j",
	}
	encoded, err := events.NewSponsorship(want, noon)
	jobstest.Must(t, err)
	got, err := events.Decode[events.Sponsorship](encoded.Payload)
	jobstest.Must(t, err)
	if !reflect.DeepEqual(got.Data, want) {
		t.Errorf("got %+v, want %+v", got.Data, want)
	}
	jobstest.Equal(t, "id", got.ID, encoded.ID)
	jobstest.Equal(t, "type", got.Type, "sponsorsync.sponsorship.pending")
	jobstest.Equal(t, "time", got.Time, noon)
}

// A job's own event names it; what a sync finds out later is nobody's wish.
func TestAnnounceNamesTheJobWhoseWishItWas(t *testing.T) {
	t.Parallel()
	none := sponsorship.Sponsorship{OrganizationID: acme, UserID: user1}
	asked, sent := none, none
	asked.Status, asked.Revision, asked.JobID = sponsorship.Pending, 1, "job"
	sent.Status, sent.Revision, sent.JobID = sponsorship.Sent, 2, "job"
	for _, c := range []struct {
		before, after sponsorship.Sponsorship
		want          string
	}{{none, asked, `"jobId":"job"`}, {asked, sent, `"jobId":null`}} {
		e, told, err := events.Announce(c.before, c.after)
		jobstest.Must(t, err)
		if !told || !strings.Contains(string(e.Payload), c.want) {
			t.Errorf("%s lacks %s", e.Payload, c.want)
		}
	}
}

func TestRestoreGivesBackWhatWasEncoded(t *testing.T) {
	t.Parallel()
	for name, want := range documents(t) {
		got, err := events.Restore(want.Payload)
		jobstest.Must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// Whatever stands in the outbox, it ends on a subject of ours or nowhere.
func TestRestoreRefusesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	document := func(id, eventType, subject string) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":%q,"type":%q,"subject":%q,"data":{}}`, id, eventType, subject)
	}
	org, person := string(acme), string(acme)+"/"+string(user1)
	for name, payload := range map[string]string{
		"no JSON":         `$JS.API.STREAM.DELETE`,
		"another prefix":  document("a", "com.example.sync", org),
		"too few words":   document("a", "sponsorsync.sync", org),
		"too many words":  document("a", "sponsorsync.sync.failed.twice", org),
		"a wildcard":      document("a", "sponsorsync.sync.>", org),
		"a space":         document("a", "sponsorsync.sync.a b", org),
		"no organization": document("a", "sponsorsync.sync.failed", "acme"),
		"no person":       document("a", "sponsorsync.sponsorship.sent", org+"/"),
		"two persons":     document("a", "sponsorsync.sponsorship.sent", person+"/x"),
		"a header":        document("a\r\nNats-Rollup: all", "sponsorsync.sync.failed", org),
		"far too large":   document("a", "sponsorsync.sync.failed", org) + strings.Repeat(" ", 1<<20),
	} {
		if e, err := events.Restore([]byte(payload)); err == nil {
			t.Errorf("%s: taken for %s", name, e.Subject)
		}
	}
	later := document("a", "sponsorsync.vault.opened", person) // a later version's event
	e, err := events.Restore([]byte(later))
	jobstest.Must(t, err)
	jobstest.Equal(t, "subject", e.Subject, "sponsorsync."+org+".vault."+string(user1)+".opened")
}

func TestDecodeRefusesForeignDocuments(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]string{
		"not JSON":        `nope`,
		"no CloudEvent":   `{"data":{}}`,
		"another version": `{"specversion":"0.3","id":"a","type":"sponsorsync.sync.failed","subject":"s","data":{}}`,
		"no id":           `{"specversion":"1.0","type":"sponsorsync.sync.failed","subject":"s","data":{}}`,
		"another kind":    `{"specversion":"1.0","id":"a","type":"sponsorsync.license.failed","subject":"s","data":{}}`,
		"a longer kind":   `{"specversion":"1.0","id":"a","type":"sponsorsync.syncs.failed","subject":"s","data":{}}`,
	} {
		if _, err := events.Decode[events.Sync]([]byte(payload)); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}

func TestEncodeRefusesWhatWouldBreakSubjects(t *testing.T) {
	t.Parallel()
	good := events.Sponsorship{OrganizationID: acme, OrganizationUserID: user1, To: sponsorship.Sent, Revision: 1}
	for name, spoil := range map[string]func(*events.Sponsorship){
		"organization": func(s *events.Sponsorship) { s.OrganizationID = "acme.>" },
		"user":         func(s *events.Sponsorship) { s.OrganizationUserID = "*" },
		"status":       func(s *events.Sponsorship) { s.To = "gone" },
		"revision":     func(s *events.Sponsorship) { s.Revision = 0 },
	} {
		bad := good
		spoil(&bad)
		if _, err := events.NewSponsorship(bad, noon); err == nil {
			t.Errorf("bad %s was accepted", name)
		}
	}
	for _, occasion := range []string{"", "4 2", "4\r\nNats-Rollup: all"} {
		if _, err := events.NewSync(events.Sync{OrganizationID: acme}, occasion, noon); err == nil {
			t.Errorf("occasion %q was accepted", occasion)
		}
	}
}

func TestFilterSubjects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		filter events.Filter
		want   string
	}{
		{events.Filter{}, "sponsorsync.>"},
		{events.Filter{Status: sponsorship.Redeemed}, "sponsorsync.*.sponsorship.*.redeemed"},
		{events.Filter{Organization: acme, Status: sponsorship.Sent}, "sponsorsync." + string(acme) + ".sponsorship.*.sent"},
		{events.Filter{Organization: acme}, "sponsorsync." + string(acme) + ".>"},
	} {
		jobstest.Equal(t, "subjects", strings.Join(c.filter.Subjects(), " "), c.want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range documents(f) {
		f.Add(e.Payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := events.Decode[events.Sponsorship](payload)
		if err != nil {
			return
		}
		if e.ID == "" || !strings.HasPrefix(e.Type, "sponsorsync.sponsorship.") {
			t.Fatalf("accepted %q", payload)
		}
		again, err := json.Marshal(e)
		jobstest.Must(t, err)
		back, err := events.Decode[events.Sponsorship](again)
		jobstest.Must(t, err)
		if !reflect.DeepEqual(e, back) {
			t.Fatalf("%+v came back as %+v", e, back)
		}
	})
}

func TestAnEventBelongsToATraceAndKeepsItsID(t *testing.T) {
	t.Parallel()
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	plain := jobstest.Value(events.NewSync(events.Sync{OrganizationID: "10000000-0000-4000-8000-000000000001", Trigger: "manual"}, "1", time.Unix(1, 0)))(t)
	traced := plain.Traced(trace)
	restored := jobstest.Value(events.Restore(traced.Payload))(t)
	read := jobstest.Value(events.Decode[events.Sync](restored.Payload))(t)
	if traced.ID != plain.ID || restored.ID != plain.ID || restored.Trace() != trace || read.TraceParent != trace || read.ID != plain.ID {
		t.Errorf("got %+v, %+v", restored, read)
	}
	if plain.Trace() != "" || string(plain.Traced("").Payload) != string(plain.Payload) || strings.Contains(string(plain.Payload), "traceparent") {
		t.Errorf("without a trace: %q, %s", plain.Trace(), plain.Payload)
	}
}
