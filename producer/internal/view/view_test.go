package view_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func failure(code fault.Code, at time.Time) *state.Failure {
	return &state.Failure{Error: fault.Error{Code: code, Message: "no"}, At: at}
}

// A license that was refused stops no sync, and a sync that fails is not hidden by one.
func TestFailuresOfSyncAndLicenseAreApart(t *testing.T) {
	t.Parallel()
	retry := noon.Add(time.Hour)
	sync, license := failure(fault.CloudUnavailable, noon), failure(fault.LicenseRejected, retry)
	for name, c := range map[string]struct {
		org           state.Organization
		sync, license fault.Code // "" for none
		next          *time.Time
	}{
		"none":           {state.Organization{}, "", "", nil},
		"sync":           {state.Organization{LastError: sync, RetryAt: &retry}, fault.CloudUnavailable, "", &retry},
		"license":        {state.Organization{LastLicenseError: license}, "", fault.LicenseRejected, nil},
		"both":           {state.Organization{LastError: sync, LastLicenseError: license, RetryAt: &retry}, fault.CloudUnavailable, fault.LicenseRejected, &retry},
		"somebody's job": {state.Organization{LastError: failure(fault.BillingSyncTokenInvalid, noon), RetryAt: &retry}, fault.BillingSyncTokenInvalid, "", nil},
	} {
		shown := view.Show(c.org, nil)
		for kind, one := range map[string]struct {
			got  *view.Error
			want fault.Code
			next *time.Time
		}{"sync": {shown.LastError, c.sync, c.next}, "license": {shown.LastLicenseError, c.license, nil}} {
			if one.want == "" && one.got == nil {
				continue
			}
			if one.got == nil || one.got.Code != one.want || one.got.Hint != one.want.Hint() || one.got.NextAttempt != one.next {
				t.Errorf("%s: shows %+v of the %s, want %s and next attempt %v", name, one.got, kind, one.want, one.next)
			}
		}
	}
}

func TestAPausedOrganizationHasNoNextSync(t *testing.T) {
	t.Parallel()
	org := state.Organization{NextSyncAt: &noon}
	if view.Show(org, nil).NextSyncAt == nil {
		t.Error("the next sync is not shown")
	}
	org.Paused = fault.BillingSyncTokenInvalid
	if view.Show(org, nil).NextSyncAt != nil {
		t.Error("a next sync is shown while somebody has to act first")
	}
}

func TestStatesOfTheBridge(t *testing.T) {
	t.Parallel()
	hold := func(user sponsorship.ID) []state.Hold {
		return []state.Hold{{Reason: fault.HeldRowVanished, User: user, Since: noon}}
	}
	for name, c := range map[string]struct {
		change func(*state.Organization)
		want   view.BridgeState
	}{
		"all is well":              {func(*state.Organization) {}, view.BridgeFollowing},
		"never synced":             {func(o *state.Organization) { o.Started = false }, view.BridgeWaiting},
		"held":                     {func(o *state.Organization) { o.Started, o.Bridge.Held = false, hold("") }, view.BridgeHeld},
		"one member held":          {func(o *state.Organization) { o.Bridge.Held = hold("m") }, view.BridgeFollowing},
		"no database":              {func(o *state.Organization) { o.Bridge.Error = failure(fault.BridgeDatabaseUnavailable, noon) }, view.BridgeUnavailable},
		"no bridge":                {func(o *state.Organization) { o.Bridge.Running = false }, view.BridgeStopped},
		"disconnected by somebody": {func(o *state.Organization) { o.Disconnected = true }, view.BridgeStopped},
	} {
		org := state.Organization{Started: true, Bridge: &state.Bridge{Mode: "read", Running: true, Looked: noon}}
		c.change(&org)
		got := view.Show(org, nil).Bridge
		if got.State != c.want || len(got.Held) != len(org.Bridge.Held) || !got.LastLookAt.Equal(noon) {
			t.Errorf("%s: shows %+v, want %s", name, got, c.want)
		}
	}
	if got := view.Show(state.Organization{}, nil).Bridge; got != nil {
		t.Errorf("an organization that no bridge follows shows %+v", got)
	}
}

func TestAHoldNamesTheCommandThatEndsIt(t *testing.T) {
	t.Parallel()
	for want, h := range map[string]view.Hold{
		"producer bridge resume --org o":                               view.ShowHold(fault.HeldRestored, "", noon),
		"producer bridge resume --org o --member m":                    view.ShowHold(fault.HeldRowVanished, "m", noon),
		"producer bridge resume --org o --official-job ran (or never)": view.ShowHold(fault.HeldTakeOver, "", noon),
	} {
		jobstest.Equal(t, string(h.Reason), h.Command("o"), want)
		jobstest.Equal(t, "hint", h.Hint, h.Reason.Hint())
	}
}

func TestPageOf(t *testing.T) {
	t.Parallel()
	page, err := view.PageOf(url.Values{"status": {"redeemed,pending", "sent"}, "limit": {"7"}, "cursor": {"c"}}, 50)
	want := []sponsorship.Status{sponsorship.Pending, sponsorship.Sent, sponsorship.Redeemed}
	if err != nil || !slices.Equal(page.Statuses, want) || page.Limit != 7 || page.Cursor != "c" {
		t.Errorf("read %+v, %v, want %v in the order of the statuses", page, err, want)
	}
	for _, wrong := range []url.Values{{"status": {"lost"}}, {"limit": {"0"}}, {"limit": {"1001"}}, {"limit": {"x"}}} {
		if _, err := view.PageOf(wrong, 50); fault.CodeOf(err) != fault.InvalidArguments {
			t.Errorf("%v: %v, want invalid_arguments", wrong, err)
		}
	}
}

func TestProblemOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		code   fault.Code
	}{
		"a fault":       {fault.New(fault.Unauthorized, "no"), http.StatusUnauthorized, fault.Unauthorized},
		"other status":  {view.WithStatus(http.StatusForbidden, fault.New(fault.Unauthorized, "no")), http.StatusForbidden, fault.Unauthorized},
		"Redis is away": {io.EOF, http.StatusServiceUnavailable, fault.QueueUnavailable},
		"our mistake":   {errors.New("nil map at 0xdeadbeef"), http.StatusInternalServerError, ""},
	} {
		p := view.ProblemOf(c.err)
		if p.Status != c.status || p.Code != c.code || p.Hint != c.code.Hint() || p.Title != http.StatusText(c.status) {
			t.Errorf("%s: %+v, want %d %s", name, p, c.status, c.code)
		}
	}
	if p := view.ProblemOf(errors.New("nil map at 0xdeadbeef")); p.Detail == "nil map at 0xdeadbeef" {
		t.Error("our own error is told to the caller")
	}
	p := view.ProblemOf(jobs.Invalid(jobs.FieldError{Field: "licenseKey", Message: "is wrong"}))
	jobstest.Equal(t, "fields", len(p.Errors), 1)
	jobstest.Equal(t, "field", p.Errors[0], enqueue.ItemError{Field: "licenseKey", Message: "is wrong"})
}

func TestShowJob(t *testing.T) {
	t.Parallel()
	if shown := view.ShowJob(enqueue.Status{ID: "1"}); shown.EnqueuedAt != nil || shown.LastError != nil {
		t.Errorf("shows %+v of a job of which nothing is known", shown)
	}
	berlin := noon.In(time.FixedZone("", 3600))
	shown := view.ShowJob(enqueue.Status{EnqueuedAt: berlin, LastError: fault.New(fault.CloudUnavailable, "no")})
	if *shown.EnqueuedAt != noon || shown.LastError.Code != fault.CloudUnavailable {
		t.Errorf("shows %+v", shown)
	}
}

func TestEveryStatusHasAWord(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range sponsorship.Statuses() {
		word := view.Word(s)
		if word == string(s) || seen[word] {
			t.Errorf("%s is shown as %q", s, word)
		}
		seen[word] = true
		if view.Meaning(s) == "" || view.Advice(s) == "" {
			t.Errorf("%s is not explained", s)
		}
	}
}
