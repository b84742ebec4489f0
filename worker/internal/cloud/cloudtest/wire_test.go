package cloudtest_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

func TestTheWireIsReadAsTheRealCodeReadsIt(t *testing.T) {
	t.Parallel()
	at := func(path string) func(*lab) reply {
		return func(l *lab) reply {
			return l.do(call{http.MethodPost, path, "application/json", l.token("api.installation"), l.envelope([]object{row(uuid.NewString())})})
		}
	}
	as := func(contentType string, encode func(string) string) func(*lab) reply {
		return func(l *lab) reply {
			body := encode(l.envelope([]object{row(uuid.NewString(), "friendlyName", "Zoë")}))
			return l.do(call{http.MethodPost, cloudtest.PathSync, contentType, l.token("api.installation"), body})
		}
	}
	of := func(pairs ...any) func(*lab) reply {
		return func(l *lab) reply { return l.try(row(uuid.NewString(), pairs...)) }
	}
	plain := func(s string) string { return s }
	for name, c := range map[string]struct {
		send   func(*lab) reply
		status int
	}{
		"a quoted plan type is refused":                   {of("planSponsorshipType", "0"), 400},
		"a path in other letter case is taken":            {at("/Organization/SPONSORSHIP/sync"), 200},
		"one slash at the end of a path is taken":         {at(cloudtest.PathSync + "/"), 200},
		"two slashes at the end of a path are unknown":    {at(cloudtest.PathSync + "//"), 404},
		"a doubled slash in a path is unknown":            {at("/organization//sponsorship/sync"), 404},
		"a byte order mark is skipped":                    {as("application/json", func(s string) string { return "\ufeff" + s }), 200},
		"a body in UTF-16 is read":                        {as("application/json; charset=utf-16", inUTF16), 200},
		"a body in UTF-16 with a byte order mark is read": {as("application/json; charset=utf-16", func(s string) string { return inUTF16("\ufeff" + s) }), 200},
		"a body in another charset has no reader":         {as("application/json; charset=iso-8859-1", plain), 415},
		"text/json is read":                               {as("text/json", plain), 200},
		"a type that ends in +json is read":               {as("application/vnd.x+json", plain), 200},
		"no content type has no reader":                   {as("", plain), 415},
		"a compressed body is not undone":                 {as("application/json", zipped), 400},
		"bytes that are no UTF-8 are refused":             {as("application/json", func(s string) string { return strings.Replace(s, "ë", "\xeb", 1) }), 400},
		"sixteen fraction digits are read":                {of("lastSyncDate", "2026-08-20T19:16:19.1234567890123456Z"), 200},
		"seventeen fraction digits are refused":           {of("lastSyncDate", "2026-08-20T19:16:19.12345678901234567Z"), 400},
		"twenty-four o'clock is refused":                  {of("lastSyncDate", "2026-08-20T24:00:00Z"), 400},
		"a comma in a date is refused":                    {of("lastSyncDate", "2026-08-20T19:16:19,5Z"), 400},
		"comments are refused":                            {as("application/json", func(s string) string { return "/**/" + s }), 400},
		"trailing commas are refused":                     {as("application/json", func(s string) string { return strings.Replace(s, "}]", "},]", 1) }), 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			r := c.send(l)
			equal(t, "status", r.status, c.status)
			if c.status == 400 {
				refused(t, r, 400, modelState)
			}
			stored := 0
			if c.status == 200 {
				stored = 1
				equal(t, "counted as a sync", len(l.cloud.SyncRequests()), 1)
			}
			l.is(stored, stored)
		})
	}
}

func inUTF16(s string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

func zipped(s string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return out.String()
}

func TestTheLastOfDoubledMembersWins(t *testing.T) {
	t.Parallel()
	l := setup(t)
	first, last := uuid.NewString(), uuid.NewString()
	body := strings.Replace(l.envelope([]object{row(last)}), `"sponsoringOrganizationUserId"`, `"SponsoringOrganizationUserId":"`+first+`","sponsoringOrganizationUserId"`, 1)
	equal(t, "status", l.raw(body).status, http.StatusOK)
	equal(t, "key", l.cloud.Rows(l.org.ID)[0].OrganizationUserID, last)
}

func TestAModelStateErrorNamesTypePathAndPosition(t *testing.T) {
	t.Parallel()
	const models = "Bit.Core.Models.Api.Request.OrganizationSponsorships."
	unfit := func(kind, path string, at int) string {
		return "The JSON value could not be converted to " + kind + ". Path: " + path + " | LineNumber: 0 | BytePositionInLine: " + strconv.Itoa(at) + "."
	}
	in := func(row string) string { return `{"sponsorshipsBatch":[` + row + `]}` }
	const offset = len(`{"sponsorshipsBatch":[`)
	for name, c := range map[string]struct{ body, path, text string }{
		"a list as the root":       {`[]`, "$", unfit(models+"OrganizationSponsorshipSyncRequestModel", "$", 1)},
		"a word as the batch":      {`{"sponsorshipsBatch":"x"}`, "$.sponsorshipsBatch", unfit("System.Collections.Generic.IEnumerable`1["+models+"OrganizationSponsorshipRequestModel]", "$.sponsorshipsBatch", 24)},
		"a number as a row":        {in(`7`), "$.sponsorshipsBatch[0]", unfit(models+"OrganizationSponsorshipRequestModel", "$.sponsorshipsBatch[0]", offset+1)},
		"a plan by its name":       {in(`{"planSponsorshipType":"Families"}`), "$.sponsorshipsBatch[0].planSponsorshipType", unfit("Bit.Core.Enums.PlanSponsorshipType", "$.sponsorshipsBatch[0].planSponsorshipType", offset+33)},
		"words as a nullable date": {in(`{"lastSyncDate":"soon"}`), "$.sponsorshipsBatch[0].lastSyncDate", unfit("System.Nullable`1[System.DateTime]", "$.sponsorshipsBatch[0].lastSyncDate", offset+22)},
		"the first of two faults":  {in(`{"toDelete":1,"friendlyName":2}`), "$.sponsorshipsBatch[0].toDelete", unfit("System.Boolean", "$.sponsorshipsBatch[0].toDelete", offset+13)},
		"a body that ends early": {`{"sponsorshipsBatch":[{"toDelete":`, "$.sponsorshipsBatch[0].toDelete",
			"Expected depth to be zero at the end of the JSON payload. There is an open JSON object or array that should be closed. Path: $.sponsorshipsBatch[0].toDelete | LineNumber: 0 | BytePositionInLine: 34."},
		"a second line": {"{\n \"billingSyncKey\": 5}", "$.billingSyncKey",
			"The JSON value could not be converted to System.String. Path: $.billingSyncKey | LineNumber: 1 | BytePositionInLine: 20."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			r := l.raw(c.body)
			refused(t, r, http.StatusBadRequest, modelState)
			faults, _ := r.json(t)["validationErrors"].(object)
			texts, _ := faults[c.path].([]any)
			if len(faults) != 1 || len(texts) != 1 || texts[0] != c.text {
				t.Errorf("validationErrors = %v, want %s: %s", faults, c.path, c.text)
			}
		})
	}
}

func TestAnswersAreUnescapedChunkedAndTimedRowByRow(t *testing.T) {
	t.Parallel()
	var l *lab
	l = setup(t, func(o *cloudtest.Options) {
		still := o.Now
		o.Now = func() time.Time {
			if l != nil {
				l.clock.Advance(time.Second)
			}
			return still()
		}
	})
	r := l.try(row(uuid.NewString(), "friendlyName", "<Zoë> & 'co' + 1"), row(uuid.NewString()))
	if !strings.Contains(r.body, `"friendlyName":"<Zoë> & 'co' + 1"`) {
		t.Errorf("body %s", r.body)
	}
	equal(t, "length", r.header.Get("Content-Length"), "")
	rows, _ := r.json(t)["sponsorshipsBatch"].([]any)
	times := []any{}
	for _, one := range rows {
		answered, _ := one.(object)
		times = append(times, answered["lastSyncDate"])
	}
	equal(t, "rows", len(times), 2)
	equal(t, "times differ", slices.Contains(times[1:], times[0]), false)
	equal(t, "empty answers say so", l.do(call{method: http.MethodGet, path: cloudtest.PathSync}).header.Get("Content-Length"), "0")
}

func TestABadTokenIsToldWhatIsWrongIfItCouldBeMadeOut(t *testing.T) {
	t.Parallel()
	l := setup(t)
	forged, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"client_sub": l.in.ID}).SignedString([]byte("another key"))
	if err != nil {
		t.Fatal(err)
	}
	l.bearer = forged
	barred(t, l.try(), http.StatusUnauthorized, `Bearer error="invalid_token", error_description="The signature is invalid"`)
	l.bearer = "no-token-at-all"
	barred(t, l.try(), http.StatusUnauthorized, `Bearer error="invalid_token"`)
}

func TestMailsSentInTheRequestEndAtAnAddressThatNoLibraryReads(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"a b@c d", "@", "<>", "a@b..c"} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			users := []string{uuid.NewString(), uuid.NewString(), uuid.NewString()}
			batch := []object{
				row(users[0], "offeredToEmail", "not-an-address"),
				row(users[1], "offeredToEmail", address), row(users[2]),
			}
			l.cloud.SetMailMode(cloudtest.MailMode{InRequest: true})
			refused(t, l.try(batch...), http.StatusInternalServerError, unhandled)
			l.is(3, 1)
			equal(t, "the one before it was mailed", len(l.cloud.MailsFor(l.org.ID, users[0])), 1)
			equal(t, "rows answered later", len(l.sync(batch...)), 3)
			l.is(3, 1)
			l.cloud.SetMailMode(cloudtest.MailMode{})
			l.sync(row(uuid.NewString(), "offeredToEmail", address))
			l.is(4, 2)
		})
	}
}

func TestMailsSentInTheRequestTakeTheirTime(t *testing.T) {
	t.Parallel()
	within(t, func(l *lab) {
		l.sync()
		l.cloud.SetMailMode(cloudtest.MailMode{InRequest: true, EachMs: 55})
		began := time.Now()
		l.sync(row(uuid.NewString()), row(uuid.NewString()))
		equal(l.T, "took", time.Since(began), 110*time.Millisecond)
		l.is(2, 2)
	})
}

func TestAnOfferThatWasAgedCannotBeRedeemedAndComesBackWithTheNextSync(t *testing.T) {
	t.Parallel()
	l := setup(t)
	user, token := l.offered()
	equal(t, "aged", l.cloud.Age(l.org.ID, user, 183*24*time.Hour), nil)
	r := l.redeem(token, "e@x.test", l.family("e@x.test").ID)
	refused(t, r, http.StatusBadRequest, "This sponsorship offer is more than 6 months old and has expired.")
	l.is(0, 1)
	l.sync(row(user))
	l.is(1, 2)
	equal(t, "unknown row", l.cloud.Age(l.org.ID, uuid.NewString(), time.Hour) != nil, true)
}
