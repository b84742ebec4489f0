package sponsorship_test

import (
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestCheckEmail(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"mum@example.com":                          true,
		"a@b.co":                                   true,
		"first.last+tag@sub.example.co.uk":         true,
		"!#$%&'*+-/=?^_`{|}~@example.com":          true,
		"a@xn--bcher-kva.example":                  true,
		strings.Repeat("a", 64) + "@example.org":   true,
		"a@" + strings.Repeat("b", 63) + ".com":    true,
		"a@" + strings.Repeat("b.", 125) + "comx":  true, // 256 in all
		"a@" + strings.Repeat("b.", 125) + "comxx": false,
		strings.Repeat("a", 65) + "@example.org":   false,
		"a@" + strings.Repeat("b", 64) + ".com":    false,
		"":                                         false,
		"   ":                                      false,
		"no at sign":                               false,
		"example.org":                              false,
		"@example.org":                             false,
		"a@":                                       false,
		"x@y":                                      false, // no dot
		"a@1":                                      false,
		"a@#":                                      false,
		"-@-":                                      false,
		"a@xn--":                                   false,
		"a@-foo.com":                               false,
		"a@foo-.com":                               false,
		"a@ex_ample.com":                           false,
		"a@b.c.":                                   false,
		"a@.b.c":                                   false,
		"a@b..c":                                   false,
		".a@b.c":                                   false,
		"a.@b.c":                                   false,
		"a..b@c.d":                                 false,
		"a@[1.2.3.4]":                              false,
		`"quoted"@b.c`:                             false,
		"a@b.c,d@e.f":                              false,
		"a@b@c.d":                                  false,
		"Mum <a@b.c>":                              false,
		"<a@b.c>":                                  false,
		"first.last@y":                             false,
		"a b@c.d":                                  false,
		"a@b.c\n":                                  false,
		"ä@example.com":                            false,
		"a@exämple.com":                            false,
		"a(comment)@example.com":                   false,
	} {
		err := sponsorship.CheckEmail(address)
		if (err == nil) != ok {
			t.Errorf("%q: %v, want it accepted: %v", address, err, ok)
		}
		if err != nil && len(address) > len("a@b.c") && strings.Contains(err.Error(), address) {
			t.Errorf("the error quotes the address: %v", err)
		}
	}
}

func TestFit_AnOldAddressStaysWhereTheCloudHasIt(t *testing.T) {
	t.Parallel()
	// As an earlier version took it.
	s := sponsorship.Sponsorship{
		OrganizationID: org, UserID: user, Email: "x@y", Name: "x", Status: sponsorship.Pending, Intent: sponsorship.IntentRedeem,
	}
	if out, _ := sponsorship.Plan(s, t0); out.Fit() {
		t.Error("a new row with a bad address would enter a batch")
	}
	s.Status, s.Intent, s.Wire = sponsorship.Sent, "", sponsorship.Wire{Offered: "x@y", Known: true}
	if out, _ := sponsorship.Plan(s, t0); !out.Fit() {
		t.Error("a sponsorship that the cloud holds is kept back")
	}
}
