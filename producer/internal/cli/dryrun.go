package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// forecast is what the bridge would do about one organization.
type forecast struct {
	OrganizationID sponsorship.ID `json:"organizationId"`
	Name           string         `json:"name"`
	Known          int            `json:"known"`
	Unknown        int            `json:"unknown"`
	Offers         int            `json:"offers"`
	Changes        int            `json:"changes"`
	Withdrawals    int            `json:"withdrawals"`
	Writes         int            `json:"writes"`
	Deletions      int            `json:"deletions"`
	Held           []view.Hold    `json:"held"`
	Odd            []merge.Oddity `json:"odd"`
	Restrictions   []restriction  `json:"restrictions"`
	waiting        []merge.Wait   // wishes that come later by themselves
	unwritten      map[merge.Unwritten]int
	disconnected   bool
	connection     string
	mode           string
}

type restriction struct {
	Missing string `json:"missing"`
	Grant   string `json:"grant"`
}

// dryRun says what would be done. Its error says that something is odd or held.
func (a *app) dryRun(ctx context.Context, s bridged, f bridgeFlags) error {
	orgs, err := s.organizations(ctx, f.org)
	if err != nil {
		return err
	}
	all := make([]forecast, len(orgs))
	wrong := 0
	for i, org := range orgs {
		p, err := s.Preview(ctx, org, nil)
		if err != nil {
			return fmt.Errorf("look at organization %s: %w", org, err)
		}
		all[i] = s.forecast(org, p)
		if len(all[i].Odd)+len(all[i].Held) > 0 {
			wrong++
		}
	}
	if f.asJSON {
		err = a.printJSON(map[string]any{"organizations": all})
	} else {
		err = a.printForecasts(all)
	}
	if err == nil && wrong > 0 {
		err = &withHint{fmt.Errorf("of %d organizations, %d have something odd or held", len(all), wrong), "read what is said of them above"}
	}
	return err
}

func (b bridged) forecast(org sponsorship.ID, p bridge.Preview) forecast {
	c := p.Counts
	f := forecast{
		OrganizationID: org, Name: p.Name, Known: c.Known, Unknown: c.Unknown, Offers: c.Offers, Changes: c.Changes,
		Withdrawals: c.Withdrawals, Writes: c.Writes, Deletions: c.Deletions, Held: []view.Hold{}, Odd: []merge.Oddity{},
		Restrictions: []restriction{}, waiting: p.Waiting, unwritten: p.Memory.Unwritten, disconnected: p.Disconnected, connection: "the vault's own", mode: b.mode,
	}
	if p.Plan.Disconnected {
		f.connection = "the vault has no billing sync token of it"
	}
	for _, h := range p.Memory.Holds {
		f.Held = append(f.Held, view.ShowHold(h.Reason, h.User, h.Since))
	}
	for _, odd := range p.Odd {
		odd.Rows = append([]string{}, odd.Rows...) // none is an empty list
		f.Odd = append(f.Odd, odd)
	}
	for _, r := range b.source.Restrictions() {
		f.Restrictions = append(f.Restrictions, restriction{r.Missing, r.Grant})
	}
	return f
}

func (a *app) printJSON(document any) error {
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return a.print(string(text))
}

func (a *app) printForecasts(all []forecast) error {
	if len(all) == 0 {
		return a.print("The server's database has no organization with a sponsorship or a connection to the cloud.")
	}
	for i, f := range all {
		if i > 0 {
			_, _ = fmt.Fprintln(a.out)
		}
		for _, line := range f.lines() {
			_, _ = fmt.Fprintln(a.out, line)
		}
	}
	for _, r := range all[0].Restrictions {
		if r.Grant == "" {
			_, _ = fmt.Fprintf(a.out, "\nWarning, of the database's user: %s.\n", r.Missing)
			continue
		}
		_, _ = fmt.Fprintf(a.out, "\nThe database's user lacks a right: %s.\nTo give it, an administrator of the database runs:\n  %s\n", r.Missing, r.Grant)
	}
	return a.flush()
}

// lines are a forecast for people.
func (f forecast) lines() []string {
	lines := []string{
		"Organization:       " + organizationWords(f.Name, f.OrganizationID),
		"Connection:         " + f.connection,
	}
	if f.disconnected {
		return append(lines, "Disconnected here:  nothing is done about it until 'producer bridge resume --org "+f.OrganizationID.String()+"'")
	}
	lines = append(lines,
		fmt.Sprintf("Known to the cloud: %d, taken over as they are; nobody is mailed", f.Known),
		fmt.Sprintf("Unknown:            %d, wait for your word whether the server's own sync ran", f.Unknown),
		fmt.Sprintf("Would be offered:   %d, each is mailed", f.Offers),
		fmt.Sprintf("Would be changed:   %d", f.Changes),
		fmt.Sprintf("Would be withdrawn: %d", f.Withdrawals),
		fmt.Sprintf("Would be written:   %d rows of the vault, and %d deleted there%s", f.Writes, f.Deletions, f.modeWords()),
	)
	for _, why := range slices.Sorted(maps.Keys(f.unwritten)) {
		lines = append(lines, fmt.Sprintf("Not written:        %d, for %s", f.unwritten[why], view.SkipWords(string(why))))
	}
	for _, h := range f.Held {
		lines = append(lines, holdLines(f.OrganizationID, h)...)
	}
	for _, w := range f.waiting {
		lines = append(lines, fmt.Sprintf("Waits:              member %s: %s", w.User, w.Reason.Message))
	}
	for _, odd := range f.Odd {
		line := fmt.Sprintf("Odd:                %s: %s", odd.Kind, odd.Message)
		if len(odd.Rows) > 0 {
			line += " (row " + strings.Join(odd.Rows, ", ") + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

// modeWords say what of it the mode allows.
func (f forecast) modeWords() string {
	switch f.mode {
	case config.BridgeFull:
		return ""
	case config.BridgeRead:
		return ": SPONSORSYNC_BRIDGE is read"
	}
	return ", with SPONSORSYNC_BRIDGE=full alone"
}

// organizationWords is the name with the id, where the name is known.
func organizationWords(name string, org sponsorship.ID) string {
	if name == "" {
		return org.String()
	}
	return fmt.Sprintf("%s (%s)", printable.Line(name), org)
}
