package cli_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
)

// vaultOf is a server's database with one organization.
type vaultOf struct {
	vault.Snapshot
	err error
}

func (v *vaultOf) Changed(context.Context) ([]sponsorship.ID, error) {
	return []sponsorship.ID{v.Organization}, v.err
}

func (v *vaultOf) Read(context.Context, sponsorship.ID) (vault.Snapshot, error) {
	return v.Snapshot, v.err
}

func (v *vaultOf) Write(_ context.Context, _ sponsorship.ID, w vault.Write) (vault.Outcome, error) {
	for i, r := range v.Rows {
		if r.ID == w.Was.ID && w.Delete {
			v.Rows = append(v.Rows[:i:i], v.Rows[i+1:]...)
		} else if r.ID == w.Was.ID {
			v.Rows[i].Marked, v.Rows[i].Synced, v.Rows[i].ValidUntil = w.Marked, w.Synced, w.ValidUntil
		}
	}
	return vault.Written, v.err
}

// withVault runs the program against a database of acme with some rows.
type withVault struct {
	*bundle
	*vaultOf
}

const admin = "44444444-4444-4444-8444-44444444444d"

func setupVault(t *testing.T, rows ...vault.Row) withVault {
	t.Helper()
	b := setup(t).withKey()
	b.environ = append(b.environ, "SPONSORSYNC_BRIDGE=read", "SPONSORSYNC_BRIDGE_DATABASE=postgres://reader@127.0.0.1/vault")
	v := &vaultOf{Snapshot: vault.Snapshot{
		Organization: acme, Found: true, Name: "Acme", Members: map[sponsorship.ID]bool{member: true, admin: true}, Rows: rows,
		Connections: []vault.Connection{{ID: "c", Enabled: true, CloudOrganization: cloudAcme, Token: token}},
	}}
	return withVault{b, v}
}

func (v withVault) run(args ...string) result {
	v.t.Helper()
	var out, stderr buffer
	p := program(v.environ, strings.NewReader(""), &out, &stderr)
	p.Vault = func(config.Bridge) (bridge.Source, error) {
		return bridge.Source{
			Database: v.vaultOf, People: func(context.Context, sponsorship.ID) (map[sponsorship.ID]vault.Person, error) {
				return map[sponsorship.ID]vault.Person{member: {Name: "Mia\x1b[2J", Email: "Mia@acme.example"}, admin: {Email: "mia@acme.example"}}, v.err
			},
			Close: func() error { return nil },
			Restrictions: func() []vault.Restriction {
				return []vault.Restriction{{Missing: "names of organizations", Grant: "GRANT SELECT"}, {Missing: "more than is needed: the user is a superuser"}}
			},
		}, nil
	}
	status := p.Run(v.t.Context(), args)
	return result{status, out.String(), stderr.String()}
}

func offered(n int) vault.Row {
	return vault.Row{ID: "55555555-5555-4555-8555-ae5600c90cc" + string(rune('0'+n)), User: member, Email: address, Name: address}
}

func TestDryRunTellsNobody(t *testing.T) {
	t.Parallel()
	v := setupVault(t)
	r := v.run("bridge", "--dry-run")
	requireStatus(t, r, 0)
	requireContains(t, r.out, "Organization:       Acme ("+acme+")", "Would be offered:   0, each is mailed",
		"The database's user lacks a right: names of organizations.", "  GRANT SELECT",
		"Warning, of the database's user: more than is needed: the user is a superuser.")
	requireStatus(t, v.bundle.run("status", "--org", acme), 1) // nothing is known of it

	synced := time.Date(2026, 8, 20, 0, 0, 0, 0, time.UTC)
	known, undated := offered(1), offered(2)
	known.Synced, undated.User = &synced, admin
	v.Rows = []vault.Row{known, undated}
	r = v.run("bridge", "--dry-run", "--org", acme)
	requireStatus(t, r, 1)
	requireContains(t, r.out, "Known to the cloud: 1", "Unknown:            1", "Held:               take_over",
		"then: producer bridge resume --org "+acme+" --official-job ran", "Odd:                one_address_twice")
	requireContains(t, r.err, "error: of 1 organizations, 1 have something odd or held")
}

func TestDryRunAsJSON(t *testing.T) {
	t.Parallel()
	v := setupVault(t, offered(1))
	r := v.run("bridge", "--dry-run", "--json")
	requireStatus(t, r, 1)
	var document struct {
		Organizations []map[string]any `json:"organizations"`
	}
	jobstest.Must(t, json.Unmarshal([]byte(r.out), &document))
	got := document.Organizations[0]
	for _, member := range []string{"organizationId", "name", "known", "unknown", "offers", "changes", "withdrawals", "writes", "deletions", "held", "odd", "restrictions"} {
		if got[member] == nil {
			t.Errorf("%s is missing or null", member)
		}
	}
	if len(got) != 12 || got["unknown"] != 1.0 || got["held"].([]any)[0].(map[string]any)["reason"] != "take_over" {
		t.Errorf("got %v", got)
	}
	jobstest.Equal(t, "restriction", got["restrictions"].([]any)[0].(map[string]any)["grant"], any("GRANT SELECT"))
}

func TestBridgeResumeAsksAndLetsThrough(t *testing.T) {
	t.Parallel()
	v := setupVault(t, offered(1))
	requireStatus(t, v.run("bridge", "--once"), 0)
	requireContains(t, v.run("status", "--org", acme).out, "Held:               take_over")

	r := v.run("bridge", "resume", "--org", acme, "--yes")
	requireStatus(t, r, 1)
	requireContains(t, r.err, "waits for an answer", "--official-job ran")
	r = v.run("bridge", "resume", "--org", acme, "--official-job", "never")
	requireStatus(t, r, 2) // nobody to ask
	requireContains(t, r.out, "Organization Acme ("+acme+"): 0 taken over, 1 offered and mailed", "  offer to "+address+", by member "+member)

	requireStatus(t, v.run("bridge", "resume", "--org", acme, "--official-job", "never", "--yes"), 0)
	requireStatus(t, v.run("bridge", "--once"), 0)
	jobstest.RequireEnqueued(t, v.rdb, func(a jobs.Redeem) bool { return a.SponsoredEmail == address })
	r = v.run("bridge", "resume", "--org", acme, "--yes")
	requireStatus(t, r, 1)
	requireContains(t, r.err, "nothing of organization "+acme+" is held")
}

func TestBridgeResumeAsJSON(t *testing.T) {
	t.Parallel()
	v := setupVault(t, offered(1))
	requireStatus(t, v.run("bridge", "--once"), 0)
	r := v.run("bridge", "resume", "--org", acme, "--official-job", "never", "--json")
	requireStatus(t, r, 2)
	jobstest.Equal(t, "output of what was not done", r.out, "")
	r = v.run("bridge", "resume", "--org", acme, "--official-job", "never", "--json", "--yes")
	requireStatus(t, r, 0)
	requireContains(t, r.err, "1 offered and mailed")
	var got map[string]any
	jobstest.Must(t, json.Unmarshal([]byte(r.out), &got))
	if got["organizationId"] != acme || got["resumed"] != true || got["running"] != false || got["offers"] != 1.0 {
		t.Errorf("got %v", got)
	}
}

func TestBridgeResumeTakesADisconnectedOrganizationUpAgain(t *testing.T) {
	t.Parallel()
	v := setupVault(t)
	requireStatus(t, v.run("bridge", "--once", "--org", acme), 0)
	requireStatus(t, v.run("disconnect", "--org", acme, "--yes"), 0)
	r := v.run("bridge", "--dry-run")
	requireStatus(t, r, 0)
	requireContains(t, r.out, "Disconnected here:  nothing is done about it until 'producer bridge resume --org "+acme)
	requireStatus(t, v.run("bridge", "--once"), 0)
	requireContains(t, v.run("status", "--org", acme).out, "not connected")
	requireStatus(t, v.run("bridge", "resume", "--org", acme, "--yes"), 0)
	requireStatus(t, v.run("bridge", "--once"), 0)
	requireContains(t, v.run("status", "--org", acme).out, "Cloud organization: "+cloudAcme)
}

func TestAMemberIsFoundByTheExactAddress(t *testing.T) {
	t.Parallel()
	v := setupVault(t)
	requireStatus(t, v.run("redeem", "--org", acme, "--user", "mia@acme.example", "--email", address), 0)
	jobstest.RequireEnqueued(t, v.rdb, func(a jobs.Redeem) bool { return a.OrganizationUserID == admin })
	r := v.run("change-sponsorship", "--org", acme, "--user", "MIA@acme.example", "--revoke")
	requireStatus(t, r, 2)
	requireContains(t, r.err, "no member of organization "+acme+" has exactly that address")
	v.err = fault.New(fault.BridgeSchemaUnknown, "read who the members are: permission denied")
	requireStatus(t, v.run("forget", "--org", acme, "--user", "mia@acme.example", "--yes"), 1)
	v.environ = v.environ[:len(v.environ)-2] // no database
	r = v.run("redeem", "--org", acme, "--user", "mia@acme.example", "--email", address)
	requireStatus(t, r, 2)
	requireContains(t, r.err, "no variable names the self-hosted server's database")
}

func TestStatusNamesTheOrganizationAndItsMembers(t *testing.T) {
	t.Parallel()
	v := setupVault(t)
	v.store(sponsorship.Sponsorship{UserID: member, Status: sponsorship.Sent, Email: address, Name: address})
	v.store(sponsorship.Sponsorship{UserID: admin, Status: sponsorship.Sent, Email: address, Name: address})
	r := v.run("status", "--org", acme)
	requireStatus(t, r, 0)
	requireContains(t, r.out, "Organization:       Acme ("+acme+")", `    member Mia\u001b[2J <Mia@acme.example>`, "    member <mia@acme.example>")
	v.err = fault.New(fault.BridgeDatabaseUnavailable, "refused")
	r = v.run("status", "--org", acme)
	requireStatus(t, r, 0)
	requireContains(t, r.out, "Organization:       "+acme)
}

func TestBridgeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	v := setupVault(t)
	for name, c := range map[string]struct {
		args []string
		err  string
	}{
		"an organization for a bridge that runs": {[]string{"bridge", "--org", acme}, "--org goes with --once or --dry-run"},
		"JSON of nothing":                        {[]string{"bridge", "--json"}, "--json goes with --dry-run"},
		"keep whom":                              {[]string{"bridge", "resume", "--org", acme, "--keep"}, "--keep goes with --member"},
		"another answer":                         {[]string{"bridge", "resume", "--org", acme, "--official-job", "maybe"}, "--official-job must be ran or never"},
	} {
		r := v.run(c.args...)
		if r.status != 2 || !strings.Contains(r.err, c.err) {
			t.Errorf("%s: status %d, %s", name, r.status, r.err)
		}
	}
	v.err = fault.New(fault.BridgeDatabaseUnavailable, "connect to the database: refused")
	r := v.run("bridge", "--dry-run")
	requireStatus(t, r, 1)
	requireContains(t, r.err, "bridge_database_unavailable: connect to the database: refused", "hint:")
	v.environ = v.environ[:len(v.environ)-1]
	r = v.run("bridge", "--dry-run")
	requireStatus(t, r, 2)
	v.environ = v.environ[:len(v.environ)-1]
	r = v.run("bridge", "--dry-run")
	requireStatus(t, r, 2)
	requireContains(t, r.err, "no variable names the self-hosted server's database", "--env-file bwdata/env/global.override.env")
	v.environ = append(v.environ, "SPONSORSYNC_BRIDGE_DATABASE=postgres://reader@127.0.0.1/vault")
	r = v.run("bridge", "--once")
	requireStatus(t, r, 2)
	requireContains(t, r.err, "SPONSORSYNC_BRIDGE is off", "--dry-run")
}
