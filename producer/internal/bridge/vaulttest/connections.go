package vaulttest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// The types of connections.
const (
	billingSync int64 = 1
	scim        int64 = 2
)

// billingConfig is the text of a billing sync connection, in the server's order.
type billingConfig struct {
	BillingSyncKey      string
	CloudOrganizationId string
	LastLicenseSync     *string
}

func (c billingConfig) text() (string, error) {
	text, err := json.Marshal(c)
	return string(text), err
}

// SaveToken is what the web vault does when an owner saves the billing sync token:
// it makes the connection, or replaces its text and enables it.
func (v *Vault) SaveToken(ctx context.Context, organization, token, cloudOrganization string) error {
	text, err := billingConfig{BillingSyncKey: token, CloudOrganizationId: cloudOrganization}.text()
	if err != nil {
		return err
	}
	return v.saveConnection(ctx, organization, billingSync, Record{"Enabled": v.flag(true), "Config": text})
}

// SaveSCIM makes a connection of the other type.
func (v *Vault) SaveSCIM(ctx context.Context, organization string) error {
	return v.saveConnection(ctx, organization, scim, Record{"Enabled": v.flag(true), "Config": `{"Enabled":true}`})
}

// DisableConnection keeps the token.
func (v *Vault) DisableConnection(ctx context.Context, organization string) error {
	return v.saveConnection(ctx, organization, billingSync, Record{"Enabled": v.flag(false)})
}

// SyncLicense notes in the connection when the license was fetched, with the offset
// of the server's own time zone.
func (v *Vault) SyncLicense(ctx context.Context, organization string, at time.Time) error {
	row, err := v.connection(ctx, organization, billingSync)
	if err != nil {
		return err
	}
	var config billingConfig
	if err := json.Unmarshal([]byte(row["Config"].(string)), &config); err != nil {
		return fmt.Errorf("read the connection of %s: %w", organization, err)
	}
	synced := at.Truncate(100 * time.Nanosecond).Format("2006-01-02T15:04:05.9999999-07:00")
	config.LastLicenseSync = &synced
	text, err := config.text()
	if err != nil {
		return err
	}
	return v.saveConnection(ctx, organization, billingSync, Record{"Config": text})
}

// DeleteConnection deletes the one of billing sync.
func (v *Vault) DeleteConnection(ctx context.Context, organization string) error {
	row, err := v.connection(ctx, organization, billingSync)
	if err != nil || row == nil {
		return err
	}
	_, err = v.delete(ctx, v.DB, connections, Record{"Id": row["Id"]})
	return err
}

// connection returns the first of a type, or nil.
func (v *Vault) connection(ctx context.Context, organization string, kind int64) (Record, error) {
	rows, err := v.find(ctx, v.DB, connections, Record{"OrganizationId": v.id(organization), "Type": kind})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// saveConnection writes what differs.
func (v *Vault) saveConnection(ctx context.Context, organization string, kind int64, set Record) error {
	row, err := v.connection(ctx, organization, kind)
	if err != nil {
		return err
	}
	if row == nil {
		set["Id"], set["Type"], set["OrganizationId"] = v.id(v.ids.next()), kind, v.id(organization)
		return v.insert(ctx, v.DB, connections, set)
	}
	for name, value := range set {
		if row[name] == value {
			delete(set, name)
		}
	}
	if len(set) == 0 {
		return nil
	}
	_, err = v.update(ctx, v.DB, change{table: connections, set: set, where: Record{"Id": row["Id"]}})
	return err
}
