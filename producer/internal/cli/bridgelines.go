package cli

import (
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// bridgeLines say how the bridge fares, and the commands that end what holds it.
func bridgeLines(org view.Organization) []string {
	b := org.Bridge
	if b == nil {
		return nil
	}
	lines := []string{"Server's vault:     " + b.State.Word() + ", last looked at " + clockOr(b.LastLookAt, "no time yet")}
	if w := b.Writes; w != nil {
		lines = append(lines, "Written there:      "+w.Words()+", last at "+clockOr(w.LastAt, "no time yet"))
	}
	if b.Error != nil {
		lines = append(lines, failureLines("Bridge error:       ", b.Error)...)
	}
	for _, h := range b.Held {
		lines = append(lines, holdLines(org.OrganizationID, h)...)
	}
	return lines
}

func holdLines(org sponsorship.ID, h view.Hold) []string {
	const indent = "                    "
	who := ""
	if h.OrganizationUserID != nil {
		who = ", member " + h.OrganizationUserID.String()
	}
	return []string{
		"Held:               " + string(h.Reason) + who + ", since " + clock(h.Since),
		indent + "hint: " + h.Hint, indent + "then: " + h.Command(org),
	}
}
