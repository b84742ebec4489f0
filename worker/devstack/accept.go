package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// acceptCommand plays the person at home: it opens the offer mail and accepts.
func acceptCommand(out io.Writer) *cobra.Command {
	var at, email string
	cmd := &cobra.Command{
		Use:   "accept",
		Short: "Accept the newest offer mailed to an address, as the person at home would",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return accept(cmd.Context(), offer{at, email}, out) },
	}
	cmd.Flags().StringVar(&at, "url", "", "`URL` of the simulated cloud (DEVSTACK_CLOUD_URL)")
	cmd.Flags().StringVar(&email, "email", "", "`ADDRESS` that the offer was mailed to")
	_ = cmd.MarkFlagRequired("url")
	_ = cmd.MarkFlagRequired("email")
	return cmd
}

type offer struct{ cloud, email string }

func accept(ctx context.Context, o offer, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var mails []cloudtest.Mail
	if err := o.ask(ctx, "/_control/mails?to="+url.QueryEscape(o.email), &mails); err != nil {
		return err
	}
	if len(mails) == 0 {
		return fmt.Errorf("accept offer: no mail has gone to this address")
	}
	var row cloudtest.Row
	last := mails[len(mails)-1]
	if err := o.tell(ctx, "/_control/accept", map[string]int{"mail": last.Index}, &row); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s accepted the offer\n", o.email)
	return err
}

// ask reads what the simulated cloud shows at path.
func (o offer) ask(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.cloud+path, nil)
	if err != nil {
		return err
	}
	return do(request, into)
}

// tell posts body to path.
func (o offer) tell(ctx context.Context, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.cloud+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return do(request, into)
}

func do(request *http.Request, into any) error {
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the simulated cloud: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the simulated cloud: it answered %s", answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
