package merge

import (
	"fmt"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// connection follows the server's own connection row. A disabled one is used all
// the same: disabling it is a way to switch the official job off.
func (m *merger) connection() {
	c := m.pick()
	if c == nil {
		m.plan.Disconnected = true
		return
	}
	former := m.Memory.CloudOrg
	if former != "" && former != c.CloudOrganization && m.anyAtCloud() {
		m.raise(fault.HeldConnectionChanged, 0)
		return
	}
	m.connected = c
	m.next.Connection, m.next.CloudOrg = c.ID, c.CloudOrganization
	secrets := m.digest("connection", fmt.Sprintf("%s %q %q", c.CloudOrganization, c.Token.Reveal(), m.Vault.LicenseKey.Reveal()))
	if secrets != m.Memory.Secrets {
		m.plan.Connect, m.next.Secrets = c, secrets
	}
}

// pick returns the remembered connection, else the oldest, or nil when none has a token.
func (m *merger) pick() *vault.Connection {
	all := m.Vault.Connections
	if len(all) == 0 {
		return nil
	}
	chosen := &all[0]
	for i := range all {
		if all[i].ID == m.Memory.Connection {
			chosen = &all[i]
		}
	}
	if len(all) > 1 {
		m.odd(OddConnection, "the vault has several connections of this organization to the cloud; this one is used: "+chosen.ID)
	}
	if chosen.Unreadable != "" {
		m.odd(OddConfiguration, "the vault's connection can't be read: "+chosen.Unreadable)
		return nil
	}
	if chosen.Token == "" {
		return nil
	}
	return chosen
}

func (m *merger) anyAtCloud() bool {
	for _, s := range m.Ledger {
		if s.AtCloud() {
			return true
		}
	}
	return false
}
