package events

import (
	"fmt"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const allSubjects = "sponsorsync.>"

// natsSubject is the one place where a subject is built, for publishers and
// filters alike. The organization comes first, so that a NATS permission can
// fence a tenant in.
func natsSubject(org, branch, outcome string) string {
	return strings.Join([]string{"sponsorsync", org, branch, outcome}, ".")
}

// subjectOf makes the NATS subject of a CloudEvents type and subject. Kinds and
// outcomes are any words, so that an older worker carries a newer one's events.
func subjectOf(eventType, subject string) (string, error) {
	tokens := strings.Split(eventType, ".")
	org, user, personal := strings.Cut(subject, "/")
	if len(tokens) != 3 || tokens[0] != "sponsorsync" || !word(tokens[1]) || !word(tokens[2]) {
		return "", fmt.Errorf("type %.40q is none of ours", eventType)
	}
	if !sponsorship.ID(org).Valid() || personal && !sponsorship.ID(user).Valid() {
		return "", fmt.Errorf("subject %.80q is none of ours", subject)
	}
	branch := tokens[1]
	if personal {
		branch += "." + user
	}
	return natsSubject(org, branch, tokens[2]), nil
}

func word(s string) bool {
	return s != "" && len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool { return r < 'a' || r > 'z' })
}

// Filter chooses events. The zero value chooses all.
type Filter struct {
	Organization sponsorship.ID     // empty: every organization
	Status       sponsorship.Status // set: only sponsorships that reached it
}

// Subjects returns the NATS subjects that the filter stands for, for use with
// any NATS client.
func (f Filter) Subjects() []string {
	switch {
	case f == (Filter{}):
		return []string{allSubjects}
	case f.Status == "":
		return []string{"sponsorsync." + string(f.Organization) + ".>"}
	}
	return f.subjects([]string{kindSponsorship, kindSync, kindLicense, kindBridge})
}

func (f Filter) subjects(kinds []string) []string {
	var subjects []string
	for _, kind := range kinds {
		switch {
		case kind == kindSponsorship:
			subjects = append(subjects, natsSubject(orAny(f.Organization), kind+".*", orAny(f.Status)))
		case f.Status == "":
			subjects = append(subjects, natsSubject(orAny(f.Organization), kind, "*"))
		}
	}
	return subjects
}

// covering is subjects as few as a NATS permission can name: within one
// organization they are one, which then covers other kinds, too.
func (f Filter) covering(kinds []string) []string {
	exact := f.subjects(kinds)
	if f.Organization == "" || len(exact) < 2 {
		return exact
	}
	return Filter{Organization: f.Organization}.Subjects()
}

func (f Filter) validate() error {
	if f.Organization != "" && !f.Organization.Valid() {
		return fmt.Errorf("organization %q is not a UUID in lower case", f.Organization)
	}
	if f.Status != "" && !f.Status.Valid() {
		return fmt.Errorf("status %q is not one of %v", f.Status, sponsorship.Statuses())
	}
	return nil
}

func orAny[T ~string](token T) string {
	if token == "" {
		return "*"
	}
	return string(token)
}
