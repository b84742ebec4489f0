package cloudtest

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Plan numbers of the wire that tests need most (PROTOCOL.md 2.5).
const (
	PlanFree       = 0
	PlanCustom     = 6
	PlanFamilies   = 7
	PlanTeams      = 18
	PlanEnterprise = 20
)

// States of an organization's subscription as the license endpoint reads them.
const (
	SubscriptionNone              = ""
	SubscriptionActive            = "active"
	SubscriptionCanceled          = "canceled"
	SubscriptionIncomplete        = "incomplete"
	SubscriptionIncompleteExpired = "incomplete_expired"
)

// Installation is a self-hosted server as registered with the cloud.
type Installation struct {
	ID      string `json:"id"`
	Key     string `json:"key"`
	Enabled bool   `json:"enabled"`
	Region  string `json:"region"`
}

// Organization is one on the cloud, sponsoring or sponsored.
type Organization struct {
	ID             string     `json:"id"`
	Name           string     `json:"name"`
	PlanType       int        `json:"planType"`
	Enabled        bool       `json:"enabled"`
	Expires        *time.Time `json:"expires"`
	BillingSyncKey string     `json:"billingSyncKey"` // empty: never generated
	LicenseKey     string     `json:"licenseKey"`
	Subscription   string     `json:"subscription"`
	OwnerEmail     string     `json:"ownerEmail"`     // who may redeem for it
	NoFreeFamilies bool       `json:"noFreeFamilies"` // its policy forbids free families plans
}

// Mail is an offer mail.
type Mail struct {
	Index              int       `json:"index"`
	At                 time.Time `json:"at"`
	To                 string    `json:"to"`
	Subject            string    `json:"subject"`
	Link               string    `json:"link"`
	Token              string    `json:"token"`
	OrganizationID     string    `json:"organizationId"`
	OrganizationUserID string    `json:"organizationUserId"`
}

// world is the cloud's database. It does not lock; Cloud does.
type world struct {
	rand          io.Reader
	installations map[string]*Installation
	organizations map[string]*Organization
	rows          map[string][]*Row // by sponsoring organization, oldest first
	offers        map[string]offer  // by token
	mails         []Mail
	syncEvents    map[string]int // event 1608 by organization
	tokens        map[string]bool
}

func newWorld(rand io.Reader) world {
	return world{
		rand:          rand,
		installations: map[string]*Installation{},
		organizations: map[string]*Organization{},
		rows:          map[string][]*Row{},
		offers:        map[string]offer{},
		syncEvents:    map[string]int{},
		tokens:        map[string]bool{},
	}
}

func (w *world) id() string { return uuid.Must(uuid.NewRandomFromReader(w.rand)).String() }

// key makes n characters of the alphabet that the cloud's keys use.
func (w *world) key(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	raw := make([]byte, n)
	if _, err := io.ReadFull(w.rand, raw); err != nil {
		panic(fmt.Sprintf("read randomness of simulated cloud: %v", err))
	}
	for i, b := range raw {
		raw[i] = alphabet[int(b)%len(alphabet)]
	}
	return string(raw)
}

// AddInstallation registers an enabled installation with fresh id and key; the
// edits may change any field before it is stored.
func (c *Cloud) AddInstallation(edits ...func(*Installation)) Installation {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := &Installation{ID: c.world.id(), Key: c.world.key(20), Enabled: true, Region: c.opts.Region}
	for _, edit := range edits {
		edit(in)
	}
	in.ID = strings.ToLower(in.ID)
	c.world.installations[in.ID] = in
	return *in
}

// UpdateInstallation edits one in place and tells whether it exists.
func (c *Cloud) UpdateInstallation(id string, edit func(*Installation)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	in, ok := c.world.installations[strings.ToLower(id)]
	if ok {
		edit(in)
	}
	return ok
}

// AddOrganization creates an enabled Enterprise organization with a billing
// sync key, a license key and an active subscription; the edits may change any
// field before it is stored.
func (c *Cloud) AddOrganization(edits ...func(*Organization)) Organization {
	c.mu.Lock()
	defer c.mu.Unlock()
	org := &Organization{
		ID: c.world.id(), Name: "Example Organization", PlanType: PlanEnterprise, Enabled: true,
		BillingSyncKey: c.world.key(30), LicenseKey: c.world.key(20), Subscription: SubscriptionActive,
	}
	for _, edit := range edits {
		edit(org)
	}
	org.ID = strings.ToLower(org.ID)
	c.world.organizations[org.ID] = org
	return *org
}

// UpdateOrganization edits one in place and tells whether it exists.
func (c *Cloud) UpdateOrganization(id string, edit func(*Organization)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	org, ok := c.world.organizations[strings.ToLower(id)]
	if ok {
		edit(org)
	}
	return ok
}

// Organization returns one by its cloud id.
func (c *Cloud) Organization(id string) (Organization, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if org, ok := c.world.organizations[strings.ToLower(id)]; ok {
		return *org, true
	}
	return Organization{}, false
}

// RotateKey replaces the billing sync key; the old one dies at once (PROTOCOL.md 3.1).
func (c *Cloud) RotateKey(organizationID string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := c.world.key(30)
	if org, ok := c.world.organizations[strings.ToLower(organizationID)]; ok {
		org.BillingSyncKey = key
		return key
	}
	return ""
}

// SyncEvents counts the audit entries (event 1608) of an organization: one for
// each sync that was carried out, empty or not.
func (c *Cloud) SyncEvents(organizationID string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.world.syncEvents[strings.ToLower(organizationID)]
}
