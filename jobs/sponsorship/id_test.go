package sponsorship_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestParseID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]sponsorship.ID{
		"6F1ED002-AB5D-4BB3-9B7A-3A4B5C6D7E8F":   "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f",
		"00000000-0000-0000-0000-000000000000":   "00000000-0000-0000-0000-000000000000",
		"6f1ed002ab5d4bb39b7a3a4b5c6d7e8f":       "",
		"{6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f}": "",
		"6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8g":   "",
		"":                                       "",
	} {
		got, err := sponsorship.ParseID(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ParseID(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestAdminKeyIsTheStandardUUIDv5(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.StringMatching(`[a-zA-Z0-9.]{1,20}@example\.com`).Draw(t, "address")
		want := uuid.NewSHA1(uuid.MustParse(string(user)), []byte(strings.ToLower(address))).String()
		if got := sponsorship.AdminKey(user, address); string(got) != want {
			t.Fatalf("AdminKey = %s, want %s", got, want)
		}
	})
}

func TestCheckNameCountsAsTheCloudsColumnDoes(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"": true, "Mum": true, strings.Repeat("x", 256): true, strings.Repeat("x", 257): false,
		strings.Repeat("😀", 128): true, strings.Repeat("😀", 129): false, "a\x00b": false,
	} {
		if err := sponsorship.CheckName(name); (err == nil) != ok {
			t.Errorf("CheckName(%.10q...) = %v, want ok = %v", name, err, ok)
		}
	}
}

func ExampleDecide() {
	none := sponsorship.Sponsorship{UserID: user}
	pending, _, _ := sponsorship.Decide(none, sponsorship.Redeem{Email: "mum@example.com"}, sponsorship.Stamp{Now: t0})
	out, _ := sponsorship.Plan(pending, t0)
	sent := sponsorship.Apply(out, sponsorship.Answer{Present: true, Others: true}, t0)
	fmt.Println(pending.Status, pending.Intent, "->", sent.Status)
	_, _, err := sponsorship.Decide(sent, sponsorship.Redeem{Email: "dad@example.com"}, sponsorship.Stamp{Now: t0})
	fmt.Println(err)
	// Output:
	// pending redeem -> sent
	// already_sponsoring: redeem: the member already sponsors another address
}
