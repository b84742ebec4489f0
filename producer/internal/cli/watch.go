package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

type watchFlags struct {
	org    sponsorship.ID
	status string
	since  time.Duration
	asJSON bool
	name   string // of the consumer, for a NATS user who may use no other
}

func (a *app) watchCommand() *cobra.Command {
	var f watchFlags
	command := &cobra.Command{
		Use: "watch", Short: "Print transitions and syncs as they arrive",
		Long: `Prints every change of a sponsorship and the end of every sync as it arrives, until
it is interrupted. It outlives outages of NATS, and leaves nothing behind there.
With --json each line is one CloudEvents document.`,
		Example: `  producer watch --org ORG --since 24h
  producer watch --status redeemed --json | jq .data.organizationUserId`,
		GroupID: groupLook, Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := usage(command, f.faults(command)...); err != nil {
				return err
			}
			settings, err := a.settings()
			if err != nil {
				return err
			}
			return a.watch(command.Context(), settings.NATS, f)
		},
	}
	command.Flags().Var(idValue{&f.org}, "org", "only the organization with this `UUID`")
	command.Flags().StringVar(&f.status, "status", "", "only sponsorships that reach `STATUS`: "+statusNames())
	command.Flags().DurationVar(&f.since, "since", 0, "start `DURATION` ago, such as 90m or 24h, instead of now")
	command.Flags().BoolVar(&f.asJSON, "json", false, "print one CloudEvent per line")
	command.Flags().StringVar(&f.name, "consumer", "", "the `NAME` that this watch has at NATS, for a user who may use no other (jobs/events/NATS.md)")
	_ = command.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(view.StatusNames(), cobra.ShellCompDirectiveNoFileComp))
	return command
}

func statusNames() string { return strings.Join(view.StatusNames(), ", ") }

func (f watchFlags) faults(command *cobra.Command) []string {
	var faults []string
	if command.Flags().Changed("org") {
		faults = orgFaults(f.org)
	}
	if command.Flags().Changed("status") && !sponsorship.Status(f.status).Valid() {
		faults = append(faults, "--status must be one of "+statusNames())
	}
	if command.Flags().Changed("since") && f.since <= 0 {
		faults = append(faults, "--since must be a time that has passed, such as 90m or 24h")
	}
	return faults
}

func (a *app) watch(ctx context.Context, nats config.NATS, f watchFlags) error {
	at, err := boot.NATSAt(nats, "producer watch")
	if err != nil {
		return err
	}
	boot.TellUnreached(&at, func(why string) { a.note("warning: NATS at %s is not reached: %s", nats.URL, why) })
	js, err := events.Connect(at)
	if err != nil {
		return err
	}
	defer js.Conn().Close()
	options := events.WatchOptions{
		Consumer: f.name,
		Filter:   events.Filter{Organization: f.org, Status: sponsorship.Status(f.status)},
		Trouble: func(err error) {
			switch {
			case !js.Conn().IsConnected(): // of which we hear why
			case errors.Is(err, jetstream.ErrStreamNotFound):
				a.note("warning: there are no events yet: the worker makes the stream %s when it runs", events.StreamName)
			default:
				a.note("warning: %s; will go on", err)
			}
		},
	}
	if f.since > 0 {
		options.Since = a.Now().Add(-f.since)
	}
	return events.Watch(ctx, js, options, func(r events.Record) error {
		if !f.asJSON {
			return a.print(eventLine(r))
		}
		text, err := eventJSON(r)
		if err != nil {
			return err
		}
		return a.print(text)
	})
}

func eventJSON(r events.Record) (string, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, r.Payload); err != nil {
		return "", fmt.Errorf("read event %d: %w", r.Sequence, err)
	}
	return compact.String(), nil
}

// eventLine is an event for people. One of a kind that this version does not
// know is shown by its type.
func eventLine(r events.Record) string {
	text := r.Event.Type
	if e, err := events.Decode[events.Sponsorship](r.Payload); err == nil {
		text = transitionText(e.Data)
	} else if e, err := events.Decode[events.Sync](r.Payload); err == nil {
		text = syncText(e.Data)
	} else if e, err := events.Decode[events.License](r.Payload); err == nil {
		text = licenseText(e.Data)
	} else if e, err := events.Decode[events.Bridge](r.Payload); err == nil {
		text = bridgeText(r.Event.Type, e.Data)
	}
	return clock(r.Event.Time) + "  " + printable.Line(r.Event.Subject+"  "+text)
}

func transitionText(d events.Sponsorship) string {
	from := string(d.From)
	if from == "" {
		from = "new"
	}
	text := from + " -> " + string(d.To)
	if d.Intent != "" {
		text += " (" + string(d.Intent) + ")"
	}
	if d.ValidUntil != nil {
		text += ", valid until " + day(*d.ValidUntil)
	}
	if d.Reason != nil {
		text += ", " + string(d.Reason.Code) + ": " + d.Reason.Message
	}
	return text
}

func syncText(d events.Sync) string {
	if d.Error != nil {
		return fmt.Sprintf("sync (%s) failed, %s", d.Trigger, errorText(d.Error))
	}
	return fmt.Sprintf("sync (%s) succeeded: rows %d, requests %d, removed %d, refused %d, took %s",
		d.Trigger, d.Rows, d.Requests, d.Removed, d.Refused, time.Duration(d.DurationMS)*time.Millisecond)
}

func licenseText(d events.License) string {
	switch {
	case d.Error != nil:
		return "license sync failed, " + errorText(d.Error)
	case d.Expires != nil:
		return "license synced, valid until " + day(*d.Expires)
	}
	return "license synced"
}

func bridgeText(eventType string, d events.Bridge) string {
	about := ""
	if d.OrganizationUserID != "" {
		about = " for member " + d.OrganizationUserID.String()
	}
	if strings.HasSuffix(eventType, ".resumed") {
		return fmt.Sprintf("bridge goes on%s after %s", about, d.Reason)
	}
	return fmt.Sprintf("bridge held%s, %s (hint: %s)", about, d.Reason, d.Hint)
}

func errorText(e *fault.Error) string {
	return fmt.Sprintf("%s: %s (hint: %s)", e.Code, e.Message, e.Hint())
}
