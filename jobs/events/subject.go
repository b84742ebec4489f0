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
	return f.subjects([]string{kindSponsorship, kindSync, kindLicense})
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
