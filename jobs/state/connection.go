package state

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Connection is step 3 of the guide: how an organization here is known to the
// cloud. The token and the key are encrypted at rest.
type Connection struct {
	CloudOrganizationID sponsorship.ID
	BillingSyncToken    secret.Text
	LicenseKey          secret.Text // only license syncs need it; empty keeps a stored one
	FromVault           bool        // the bridge took it from the server's own database
}

// maxSecret is more than any token or key has, in bytes.
const maxSecret = 8 << 10

// Validate returns an invalid_arguments fault that names every wrong field as
// the HTTP API does, or nil.
func (c Connection) Validate() error {
	var wrong jobs.FieldErrors
	add := func(field, message string) {
		wrong = append(wrong, jobs.FieldError{Field: field, Message: message})
	}
	if !c.CloudOrganizationID.Valid() {
		add("cloudOrganizationId", "must be a UUID: the cloud organization's Id, as in the license file")
	}
	switch n := len(c.BillingSyncToken); {
	case strings.TrimSpace(c.BillingSyncToken.Reveal()) == "":
		add("billingSyncToken", "is missing or blank")
	case n > maxSecret:
		add("billingSyncToken", "is longer than any token")
	}
	if len(c.LicenseKey) > maxSecret {
		add("licenseKey", "is longer than any key")
	}
	if wrong == nil {
		return nil
	}
	return jobs.Invalid(wrong...)
}

// What a secret is sealed for, beside its organization. The words are part of
// every stored ciphertext: another spelling would make it unreadable.
const (
	tokenPlace      = "billing sync token"
	licenseKeyPlace = "licence key"
)

func place(org sponsorship.ID, field string) string { return string(org) + "/" + field }

// ErrDisconnected says that a person has ended the organization here, and so the
// vault's connection is not taken.
var ErrDisconnected = errors.New("the organization was disconnected here; 'producer connect' or 'producer bridge resume' takes it up again")

// Connect saves a connection. An organization that was paused because somebody
// had to act is tried again. The error is [ErrDisconnected] for a connection from the vault
// of an organization that a person has disconnected; one by a person ends that.
func (l *Ledger) Connect(ctx context.Context, org sponsorship.ID, c Connection) error {
	key := ""
	if c.LicenseKey != "" {
		key = l.sealer.Seal(c.LicenseKey.Reveal(), place(org, licenseKeyPlace))
	}
	vault := ""
	if c.FromVault {
		vault = "1"
	}
	taken, err := l.scripts.connect.Run(ctx, l.rdb, append(Keys(org, ""), disconnectedKey(org)), string(c.CloudOrganizationID),
		l.sealer.Seal(c.BillingSyncToken.Reveal(), place(org, tokenPlace)), key, vault).Bool()
	if err == nil && !taken {
		err = ErrDisconnected
	}
	if err != nil {
		return fmt.Errorf("save connection of %s: %w", org, err)
	}
	return nil
}

// Untoken drops a connection that came from the vault, which has none any more. What
// waits goes on once it has one again.
func (l *Ledger) Untoken(ctx context.Context, org sponsorship.ID) error {
	if err := l.scripts.untoken.Run(ctx, l.rdb, Keys(org, "")).Err(); err != nil {
		return fmt.Errorf("drop the vault's connection of %s: %w", org, err)
	}
	return nil
}

// Connection returns the saved connection, or a connection_missing fault.
func (l *Ledger) Connection(ctx context.Context, org sponsorship.ID) (Connection, error) {
	values, err := l.rdb.HMGet(ctx, Key(org, ""), "cloudOrganizationId", "token", "licenseKey", "connectionVersion", "vault").Result()
	if err != nil {
		return Connection{}, fmt.Errorf("read connection of %s: %w", org, err)
	}
	cloud, connected := values[0].(string)
	if !connected {
		return Connection{}, fault.New(fault.ConnectionMissing, "organization %s has no billing sync token here", org)
	}
	if form, _ := values[3].(string); number(form) > version {
		return Connection{}, fmt.Errorf("read connection of %s: %w", org, ErrNewer)
	}
	c := Connection{CloudOrganizationID: sponsorship.ID(cloud), FromVault: values[4] != nil}
	if c.BillingSyncToken, err = l.open(values[1], place(org, tokenPlace)); err != nil {
		return Connection{}, err
	}
	c.LicenseKey, err = l.open(values[2], place(org, licenseKeyPlace))
	return c, err
}

func (l *Ledger) open(value any, place string) (secret.Text, error) {
	sealed, found := value.(string)
	if !found {
		return "", nil
	}
	text, err := l.sealer.Open(sealed, place)
	if err != nil {
		return "", fault.Wrap(fault.ConnectionMissing, err, "%s", err)
	}
	return secret.Text(text), nil
}

// number reads a stored number; none is 0.
func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}
