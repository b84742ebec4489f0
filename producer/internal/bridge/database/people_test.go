package database_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vault"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

func TestPeopleAreReadAsTheyAreWritten(t *testing.T) {
	onEach(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		one := found(t, v, "one")
		found(t, v, "other")
		second, _ := join(t, v, one, "José@one.example")
		got := jobstest.Value(reader(t, v).People(t.Context(), one.organization))(t)
		want := map[sponsorship.ID]vault.Person{
			sponsorship.ID(one.member): {Name: "Mia", Email: "mia@one.example"}, sponsorship.ID(second): {Name: "Mia", Email: "José@one.example"},
		}
		if len(got) != len(want) {
			t.Fatalf("got %v", got)
		}
		for id, person := range want {
			jobstest.Equal(t, string(id), got[id], person)
		}
	})
}

func TestPeopleNeedRightsOfTheirOwn(t *testing.T) {
	onServers(t, vaulttest.Setup{}, func(t *testing.T, v *vaulttest.Vault) {
		of := found(t, v, "one")
		few := restricted(t, v, database.Options{}, readGrants(v))
		if _, err := few.People(t.Context(), of.organization); fault.CodeOf(err) != fault.BridgeSchemaUnknown {
			t.Errorf("got %v, want a fault that names the rights", err)
		}
		look(t, few, of) // what was granted works still
		all := restricted(t, v, database.Options{}, append(readGrants(v),
			`GRANT SELECT ("UserId","Email") ON "OrganizationUser" TO sponsorsync`, `GRANT SELECT ("Id","Email","Name") ON "User" TO sponsorsync`))
		if got := jobstest.Value(all.People(t.Context(), of.organization))(t); len(got) != 1 {
			t.Errorf("got %v", got)
		}
	})
}
