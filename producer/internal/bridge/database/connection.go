package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// billingSync is the type of the connections that we may look at; the others hold
// secrets that are none of our business.
const billingSync = "1"

func (r reader) connections(ctx context.Context, s *vault.Snapshot) error {
	q := r.syntax
	query := fmt.Sprintf("SELECT %s, %s, %s FROM %s WHERE %s = %s AND %s = %s", q.readID("Id"), q.readFlag("Enabled"), q.readText("Config"),
		q.quote(connections), q.quote("OrganizationId"), q.param(1), q.quote("Type"), billingSync)
	return r.each(ctx, query, func(rows *sql.Rows) error {
		var c vault.Connection
		var config sql.NullString
		if err := rows.Scan(&c.ID, &c.Enabled, &config); err != nil {
			return err
		}
		c.ID = strings.ToLower(c.ID)
		readConfig(&c, config)
		s.Connections = append(s.Connections, c)
		return nil
	})
}

// readConfig reads the connection's JSON. Its names are compared exactly, as the
// server does, which encoding/json does not by itself. No error repeats a token.
func readConfig(c *vault.Connection, text sql.NullString) {
	if !text.Valid {
		c.Unreadable = "it has no configuration"
		return
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text.String), &fields); err != nil || fields == nil {
		c.Unreadable = "its configuration is no JSON object"
		return
	}
	token, okToken := stringField(fields, "BillingSyncKey")
	organization, okOrganization := stringField(fields, "CloudOrganizationId")
	id, err := sponsorship.ParseID(organization)
	switch {
	case !okToken:
		c.Unreadable = "its token is no text"
	case !okOrganization || err != nil:
		c.Unreadable = "its cloud organization is no id"
	default:
		c.Token, c.CloudOrganization = secret.Text(token), id
	}
}

// stringField returns a text; null and a missing one are empty.
func stringField(fields map[string]json.RawMessage, name string) (string, bool) {
	raw, found := fields[name]
	if !found {
		return "", true
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err == nil
}
