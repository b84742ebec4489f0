package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// postTimeout bounds one delivery.
const postTimeout = 10 * time.Second

// Post delivers messages. Its URL may hold a credential, so no error names it.
type Post struct {
	url    secret.Address
	signer *standardwebhooks.Webhook
	client *http.Client
}

// NewPost returns a Post that signs with a secret of the form whsec_... .
func NewPost(to secret.Address, hookSecret secret.Text) (*Post, error) {
	signer, err := standardwebhooks.NewWebhook(hookSecret.Reveal())
	if err != nil {
		return nil, errors.New("sign alerts: SPONSORSYNC_HOOK_SECRET is not whsec_ and base64") // the cause quotes it
	}
	return &Post{to, signer, &http.Client{
		Timeout:       postTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// envelope is the body of a Standard Webhook.
type envelope struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      message   `json:"data"`
}

// send returns nil once the receiver has answered 2xx.
func (p *Post) send(ctx context.Context, m message, now time.Time) error {
	body, err := json.Marshal(envelope{"sponsorsync.alert", now.UTC(), m})
	if err != nil {
		return fmt.Errorf("encode alert: %w", err)
	}
	id := m.id(now)
	signature, err := p.signer.Sign(id, now, body)
	if err != nil {
		return fmt.Errorf("sign alert: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.Reveal(), bytes.NewReader(body))
	if err != nil {
		return errors.New("make alert: SPONSORSYNC_ALERT_URL is no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(standardwebhooks.HeaderWebhookID, id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	response, err := p.client.Do(request)
	if named, ok := errors.AsType[*url.Error](err); ok {
		err = named.Err // without the URL
	}
	if err != nil {
		return fmt.Errorf("post alert to SPONSORSYNC_ALERT_URL: %w", err)
	}
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	_ = response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("post alert to SPONSORSYNC_ALERT_URL: it answered %d", response.StatusCode)
	}
	return nil
}
