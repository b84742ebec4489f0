package sponsorship_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// cloud is one row of the real thing, by PROTOCOL.md 2.5, for an Enterprise plan.
type cloud struct {
	address  string // "" is no row
	redeemed bool
	mails    map[string]int
}

func (c *cloud) receive(out sponsorship.Outgoing, validUntil *time.Time) sponsorship.Answer {
	switch {
	case out.Tombstone && c.address == "":
		return sponsorship.Answer{}
	case out.Tombstone && c.redeemed:
		return sponsorship.Answer{Present: true, Others: true, ValidUntil: validUntil}
	case out.Tombstone:
		c.address = ""
		return sponsorship.Answer{Present: true, Others: true, Removed: true}
	case c.address == "":
		c.address = out.Email
		c.mails[strings.ToLower(out.Email)]++
	}
	a := sponsorship.Answer{Present: true, Others: true}
	if c.redeemed {
		a.ValidUntil = validUntil
	}
	return a
}

// TestLifeUnderLostAnswers drives one sponsorship with random requests, syncs,
// lost answers, changes during a request and a recipient who accepts. Whatever
// happens, revisions only grow, statuses stay in the graph, nobody is mailed
// more often than asked for, and after healing both sides agree.
func TestLifeUnderLostAnswers(t *testing.T) {
	t.Parallel()
	addresses := []string{"a@example.com", "b@example.com", "c@example.com"}
	rapid.Check(t, func(t *rapid.T) {
		c := &cloud{mails: map[string]int{}}
		s := sponsorship.Sponsorship{OrganizationID: org, UserID: user}
		asked := map[string]int{}
		now := t0

		store := func(next sponsorship.Sponsorship) {
			if next.Revision < s.Revision {
				t.Fatalf("revision fell from %d to %d", s.Revision, next.Revision)
			}
			if next != s && next.Revision == s.Revision {
				t.Fatalf("changed without a new revision: %+v", next)
			}
			if next.Status != "" && !next.Status.Valid() {
				t.Fatalf("unknown status %q", next.Status)
			}
			if (next.Status == sponsorship.Pending) != (next.Intent != "") {
				t.Fatalf("%s with intent %q", next.Status, next.Intent)
			}
			s = next
		}
		request := func(r sponsorship.Request, address string) {
			next, changed, err := sponsorship.Decide(s, r, sponsorship.Stamp{Now: now})
			if err == nil && changed && address != "" {
				asked[address]++
			}
			store(next)
		}
		exchange := func(lose, meddle bool) {
			out, ok := sponsorship.Plan(s, now)
			if !ok {
				return
			}
			store(out.Marked)
			answer := c.receive(out, &until)
			if meddle {
				request(sponsorship.Change{Name: rapid.StringN(1, 3, 6).Draw(t, "label")}, "")
			}
			if !lose && s.Revision == out.Marked.Revision {
				store(sponsorship.Apply(out, answer, now))
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"redeem": func(t *rapid.T) {
				a := rapid.SampledFrom(addresses).Draw(t, "address")
				request(sponsorship.Redeem{Email: a}, a)
			},
			"change": func(t *rapid.T) {
				a := rapid.SampledFrom(addresses).Draw(t, "address")
				request(sponsorship.Change{Email: a}, a)
			},
			"recase": func(*rapid.T) { request(sponsorship.Change{Email: strings.ToUpper(s.Email)}, "") },
			"resend": func(*rapid.T) { request(sponsorship.Resend{}, strings.ToLower(s.Email)) },
			"revoke": func(*rapid.T) { request(sponsorship.Revoke{}, "") },
			// Another program offered it and mailed it, or says so wrongly.
			"adopt": func(t *rapid.T) {
				a := rapid.SampledFrom(addresses).Draw(t, "address")
				if s.Exists() || c.address != "" && !strings.EqualFold(c.address, a) {
					return
				}
				if told := rapid.Bool().Draw(t, "told"); told && c.address == "" {
					c.address = a
				} else if c.address == "" {
					asked[a]++ // the first sync offers what the cloud has not
				}
				adopt := sponsorship.Adopt{Email: a, Revoke: rapid.Bool().Draw(t, "revoke"), Unconfirmed: rapid.Bool().Draw(t, "unconfirmed")}
				request(adopt, "")
			},
			"sync":   func(*rapid.T) { exchange(false, false) },
			"lose":   func(*rapid.T) { exchange(true, false) },
			"meddle": func(*rapid.T) { exchange(false, true) },
			"accept": func(*rapid.T) { c.redeemed = c.address != "" },
			"wait":   func(*rapid.T) { now = now.Add(time.Hour) },
			"":       func(*rapid.T) {},
		})
		for range 9 { // heal: at most ask, tombstone, offer, confirm, or as many silences as end a withdrawal
			exchange(false, false)
		}
		checkAgreement(t, s, c)
		checkMails(t, c, asked)
	})
}

func checkAgreement(t *rapid.T, s sponsorship.Sponsorship, c *cloud) {
	switch s.Status {
	case "", sponsorship.Removed:
		if c.address != "" {
			t.Fatalf("%q here, but the cloud offers %s", s.Status, c.address)
		}
	case sponsorship.Sent:
		if !strings.EqualFold(c.address, s.Email) || c.redeemed {
			t.Fatalf("sent to %s here, cloud: %+v", s.Email, c)
		}
	case sponsorship.Redeemed:
		if !c.redeemed || !strings.EqualFold(c.address, s.Email) {
			t.Fatalf("redeemed by %s here, cloud: %+v", s.Email, c)
		}
	case sponsorship.Expiring:
		if !c.redeemed {
			t.Fatalf("expiring here, cloud: %+v", c)
		}
	default:
		t.Fatalf("not settled after healing: %+v", s)
	}
}

func checkMails(t *rapid.T, c *cloud, asked map[string]int) {
	for address, n := range c.mails {
		if n > asked[address] {
			t.Fatalf("%d mails to %s, asked for %d times", n, address, asked[address])
		}
	}
}
