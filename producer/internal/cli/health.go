package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

const (
	healthTimeout = 5 * time.Second // of a look at the whole
	natsTimeout   = 2 * time.Second

	// mostOrganizations is how many organizations 'producer status' lists.
	mostOrganizations = 50
)

// whole is where a look at everything reads from; NATS is left out.
func (s *session) whole(now func() time.Time) health.Source {
	return health.Source{
		Redis: s.rdb, Ledger: s.ledger, Jobs: s.client, Now: now, Timeout: healthTimeout,
		NATS: func(context.Context) error { return nil },
	}
}

// askNATS connects only to ask whether anybody is there.
func askNATS(settings config.NATS) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, natsTimeout)
		defer cancel()
		js, err := boot.NATS(settings, "producer status", zerolog.Nop())
		if err != nil {
			return err
		}
		defer js.Conn().Close()
		return events.Ask(ctx, js.Conn())
	}
}

// statusOfAll is 'producer status' without an organization.
func (a *app) statusOfAll(ctx context.Context, asJSON bool) error {
	settings, err := a.settings()
	if err != nil {
		return err
	}
	return a.connected(ctx, settings, func(s *session) error {
		source := s.whole(a.Now)
		source.NATS = askNATS(settings.NATS)
		report := health.Look(ctx, source)
		if asJSON {
			text, err := json.Marshal(report)
			if err != nil {
				return fmt.Errorf("encode status: %w", err)
			}
			return a.print(string(text))
		}
		for _, line := range healthLines(report) {
			_, _ = fmt.Fprintln(a.out, line)
		}
		return a.listOrganizations(ctx, s)
	})
}

// healthLines is a report for people.
func healthLines(r health.Report) []string {
	var lines []string
	for _, p := range r.Parts {
		lines = append(lines, fmt.Sprintf("%-7s  %-13s  %s", p.Status, p.Name, p.Detail))
		if p.Hint != "" {
			lines = append(lines, "                        hint: "+p.Hint)
		}
	}
	for _, q := range r.Queues {
		lines = append(lines, fmt.Sprintf("         queue %-7s  %d ready, %d running, %d put off or tried again later", q.Name, q.Pending, q.Active, q.Delayed+q.Retrying))
	}
	return lines
}

func (a *app) listOrganizations(ctx context.Context, s *session) error {
	all, err := view.ReadOrganizations(ctx, s.ledger)
	if err != nil {
		return err
	}
	const format = "%-36s  %-23s  %-23s  %s\n"
	for i, org := range all {
		if i == 0 {
			_, _ = fmt.Fprintf(a.out, "\n"+format, "ORGANIZATION", "LAST FULL SYNC", "NEXT SYNC", "SPONSORSHIPS")
		}
		if i == mostOrganizations {
			_, _ = fmt.Fprintf(a.out, "and %d more\n", len(all)-i)
			break
		}
		_, _ = fmt.Fprintf(a.out, format, org.OrganizationID, clockOr(org.LastSyncAt, never), clockOr(org.NextSyncAt, "-"), countsLine(org.Counts))
		if org.LastError != nil {
			_, _ = fmt.Fprintf(a.out, "    %s: %s\n", org.LastError.Code, printable.Line(org.LastError.Message))
		}
	}
	return a.flush()
}

// noteStandstill tells why a job does not go on although nothing fails.
func (a *app) noteStandstill(ctx context.Context, s *session) {
	if why := s.standstill(ctx, a.Now); why != "" {
		a.note("%s", why)
	}
}

// standstill says what keeps a wait from ending although nothing fails, or "".
func (s *session) standstill(ctx context.Context, now func() time.Time) string {
	report := health.Brief(ctx, s.whole(now))
	for _, name := range []string{health.PartWorker, health.PartQueues, health.PartOutbox, health.PartMemory} {
		p := report.Part(name)
		if p.Status == health.Warn || p.Status == health.Fail {
			return fmt.Sprintf("%s: %s\nhint: %s", p.Name, p.Detail, p.Hint)
		}
	}
	return ""
}
