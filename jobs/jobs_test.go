package jobs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

const (
	org  = "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"
	user = "0b0b0b0b-ab5d-4bb3-9b7a-000000000001"
)

func TestEveryKindHasAPolicyADecoderAndAQueue(t *testing.T) {
	t.Parallel()
	for _, kind := range jobs.Kinds() {
		policy, known := kind.Policy()
		if !known || policy.MaxAttempts < 1 || policy.Timeout <= 0 || policy.Queue == "" {
			t.Errorf("%s: policy %+v, %v", kind, policy, known)
		}
		args, err := jobs.Decode(kind, []byte(`{}`))
		if kind != jobs.KindSweep && fault.CodeOf(err) != fault.InvalidArguments {
			t.Errorf("%s: empty arguments: %v, want invalid_arguments", kind, err)
		}
		if args == nil || args.Kind() != kind {
			t.Errorf("%s decodes into %T", kind, args)
		}
	}
	if _, known := jobs.Kind("redeem_v2").Policy(); known {
		t.Error("an unknown kind has a policy")
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	redeem := func(extra string) string {
		return fmt.Sprintf(`{"organizationId":%q,"organizationUserId":%q,"sponsoredEmail":"mum@example.com"%s}`, strings.ToUpper(org), user, extra)
	}
	change := func(rest string) string {
		return fmt.Sprintf(`{"organizationId":%q,"organizationUserId":%q%s}`, org, user, rest)
	}
	for name, c := range map[string]struct {
		kind    jobs.Kind
		payload string
		field   string // that is named, or "" when the arguments are fine
	}{
		"redeem":                {jobs.KindRedeem, redeem(""), ""},
		"all fields":            {jobs.KindRedeem, redeem(`,"friendlyName":"Mum","planSponsorshipType":0,"adminInitiated":true`), ""},
		"unknown field":         {jobs.KindRedeem, redeem(`,"sponsoredMail":"x"`), "sponsoredMail"},
		"a name in other case":  {jobs.KindSync, fmt.Sprintf(`{"OrganizationId":%q}`, org), "OrganizationId"},
		"a name twice":          {jobs.KindSync, fmt.Sprintf(`{"organizationId":%q,"organizationId":%q}`, org, org), "organizationId"},
		"another plan":          {jobs.KindRedeem, redeem(`,"planSponsorshipType":1`), "planSponsorshipType"},
		"wrong type":            {jobs.KindRedeem, redeem(`,"friendlyName":7`), "friendlyName"},
		"long label":            {jobs.KindRedeem, redeem(`,"friendlyName":"` + strings.Repeat("x", 257) + `"`), "friendlyName"},
		"blank address":         {jobs.KindRedeem, strings.Replace(redeem(""), "mum@example.com", " ", 1), "sponsoredEmail"},
		"no UUID":               {jobs.KindSync, `{"organizationId":"acme"}`, "organizationId"},
		"two values":            {jobs.KindSync, fmt.Sprintf(`{"organizationId":%q}{}`, org), "args"},
		"null":                  {jobs.KindSync, `null`, "args"},
		"an array":              {jobs.KindSync, `[]`, "args"},
		"no JSON":               {jobs.KindSync, `{`, "args"},
		"a new address":         {jobs.KindChangeSponsorship, change(`,"sponsoredEmail":"dad@example.com"`), ""},
		"a new label":           {jobs.KindChangeSponsorship, change(`,"friendlyName":"Dad"`), ""},
		"a revocation":          {jobs.KindChangeSponsorship, change(`,"revoke":true`), ""},
		"a change of nothing":   {jobs.KindChangeSponsorship, change(""), "sponsoredEmail"},
		"a resend":              {jobs.KindChangeSponsorship, change(`,"resend":true`), ""},
		"a resend and more":     {jobs.KindChangeSponsorship, change(`,"resend":true,"friendlyName":"x"`), "resend"},
		"a resend, revoked":     {jobs.KindChangeSponsorship, change(`,"resend":true,"revoke":true`), "revoke"},
		"a revocation and more": {jobs.KindChangeSponsorship, change(`,"revoke":true,"friendlyName":"x"`), "revoke"},
		"an adoption":           {jobs.KindAdopt, redeem(""), ""},
		"an adoption, all":      {jobs.KindAdopt, redeem(`,"friendlyName":"Mum","adminInitiated":true,"revoke":true`), ""},
		"an adoption of a plan": {jobs.KindAdopt, redeem(`,"planSponsorshipType":0`), "planSponsorshipType"},
		"an adoption of nobody": {jobs.KindAdopt, change(""), "sponsoredEmail"},
		"unknown kind":          {"sponsor", `{}`, "kind"},
	} {
		args, err := jobs.Decode(c.kind, []byte(c.payload))
		var fields jobs.FieldErrors
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.field == "" && args.Organization() != org:
			t.Errorf("%s: organization %q is not folded to lower case", name, args.Organization())
		case c.field != "" && (!errors.As(err, &fields) || fields[0].Field != c.field || fault.CodeOf(err) != fault.InvalidArguments):
			t.Errorf("%s: %v, want invalid_arguments of %s", name, err, c.field)
		}
	}
}

func TestAllFaultsOfAJobAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	err := jobs.Redeem{SponsoredEmail: "nobody", PlanSponsorshipType: 3}.Validate()
	for _, field := range []string{"organizationId", "organizationUserId", "sponsoredEmail", "planSponsorshipType"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %s", err, field)
		}
	}
	if strings.Contains(err.Error(), "nobody") {
		t.Error("the message repeats the address")
	}
}

func FuzzDecode(f *testing.F) {
	for _, kind := range jobs.Kinds() {
		f.Add(string(kind), []byte(`{"organizationId":"6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f","revoke":true}`))
	}
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		args, err := jobs.Decode(jobs.Kind(kind), payload)
		if err != nil {
			if fault.CodeOf(err) != fault.InvalidArguments {
				t.Fatalf("%v is not invalid_arguments", err)
			}
			return
		}
		again, err := jobs.Encode(args)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := jobs.Decode(args.Kind(), again)
		if err != nil || twice != args {
			t.Fatalf("%+v became %+v, %v", args, twice, err)
		}
	})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	cause := fault.New(fault.CloudUnavailable, "the cloud is away")
	wrap := func(err error) error { return fmt.Errorf("sync: %w", err) }
	if err := wrap(jobs.Permanent(cause)); !jobs.IsPermanent(err) || jobs.IsSnooze(err) || fault.CodeOf(err) != fault.CloudUnavailable {
		t.Errorf("permanent: %v", err)
	}
	if d, ok := jobs.Delay(wrap(jobs.RetryAfter(time.Minute, cause))); !ok || d != time.Minute {
		t.Errorf("retry after %v, %v", d, ok)
	}
	if d, ok := jobs.Delay(wrap(jobs.Snooze(time.Second, "later"))); !ok || d != time.Second {
		t.Errorf("snooze %v, %v", d, ok)
	}
	if _, ok := jobs.Delay(cause); ok || jobs.IsPermanent(cause) || jobs.IsSnooze(cause) {
		t.Error("a plain error has an outcome of its own")
	}
}

func TestBackoffGrowsWithinItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := jobs.Curve{Base: 2 * time.Second, Max: time.Hour}
		n := rapid.IntRange(1, 1000).Draw(t, "failures")
		rnd := rapid.Float64Range(0, 0.999999).Draw(t, "rnd")
		d := jobs.Backoff(n, c, rnd)
		if d < c.Base*8/10 || d > c.Max {
			t.Fatalf("%v after %d failures", d, n)
		}
		if n < 10 && jobs.Backoff(n+2, c, 0) < d {
			t.Fatalf("two failures later the delay is shorter than %v", d)
		}
	})
}

func TestRedeemKey(t *testing.T) {
	t.Parallel()
	own := jobs.Redeem{OrganizationUserID: user, SponsoredEmail: "A@example.com"}
	admin := own
	admin.AdminInitiated = true
	other := admin
	other.SponsoredEmail = "b@example.com"
	if own.SponsorshipID() != user || admin.SponsorshipID() == user || admin.SponsorshipID() == other.SponsorshipID() {
		t.Errorf("keys %s, %s, %s", own.SponsorshipID(), admin.SponsorshipID(), other.SponsorshipID())
	}
}

func ExampleDecode() {
	_, err := jobs.Decode(jobs.KindSync, []byte(`{"organizationID":"acme","force":true}`))
	fmt.Println(err)
	// Output: invalid_arguments: organizationID is not a field of this object
}

func ExampleEncode() {
	payload, _ := jobs.Encode(jobs.Sync{OrganizationID: org})
	fmt.Println(string(payload), json.Valid(payload))
	// Output: {"organizationId":"6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f"} true
}
