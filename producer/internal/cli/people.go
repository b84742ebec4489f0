package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
)

// memberValue is a flag that holds a member's id, or an address to find it by.
type memberValue struct {
	idValue
	addresses map[*sponsorship.ID]string
}

func (v memberValue) Set(text string) error {
	if strings.Contains(text, "@") {
		v.addresses[v.id] = text
		return nil
	}
	return v.idValue.Set(text)
}

func (a *app) memberFlag(command *cobra.Command, id *sponsorship.ID, what string) {
	if a.addresses == nil {
		a.addresses = map[*sponsorship.ID]string{}
	}
	command.Flags().Var(memberValue{idValue{id}, a.addresses}, "user",
		"`ORGUSER`, the id of "+what+", or that member's address in the server's own database")
}

// resolve fills in the id of a member who was given by address. Addresses are compared byte by byte,
// for the database itself may take different ones for equal.
func (a *app) resolve(ctx context.Context, org sponsorship.ID, id *sponsorship.ID) error {
	address, given := a.addresses[id]
	if !given || !org.Valid() { // what is wrong with the organization is said with the rest
		return nil
	}
	environ, err := a.environ()
	if err != nil {
		return err
	}
	source, _, err := a.openVault(environ, false)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	people, err := source.People(ctx, org)
	if err != nil {
		return err
	}
	var found []string
	for member, person := range people {
		if person.Email == address {
			*id = member
			found = append(found, member.String())
		}
	}
	switch len(found) {
	case 1:
		return nil
	case 0:
		return &boot.UsageError{Faults: []string{"--user: no member of organization " + org.String() + " has exactly that address"},
			Hint: "upper and lower case count; the Members page of the web vault has the addresses"}
	}
	return &boot.UsageError{Faults: []string{"--user: several members have that address: " + strings.Join(found, ", ")}, Hint: "give the id of one"}
}

// openVault opens the database that the settings name.
func (a *app) openVault(environ config.Environ, works bool) (bridge.Source, config.Bridge, error) {
	cfg, err := config.LoadBridge(environ)
	if err == nil {
		err = switchedOn(cfg, works)
	}
	if err != nil {
		return bridge.Source{}, cfg, err
	}
	source, err := a.Vault(cfg)
	return source, cfg, err
}

// names returns the names that status shows beside ids: none while the bridge is off.
func (a *app) names(ctx context.Context, org sponsorship.ID) bridge.Names {
	environ, err := config.Read(a.Environ, a.envFiles)
	if err != nil {
		return bridge.Names{}
	}
	source, _, err := a.openVault(environ, true)
	if err != nil {
		return bridge.Names{}
	}
	defer func() { _ = source.Close() }()
	return source.Names(ctx, org)
}

// memberLine says what is known of a member's name and address, or is "".
func memberLine(n bridge.Names, id sponsorship.ID) string {
	line := ""
	if person := n.Members[id]; person.Name != "" {
		line = " " + printable.Line(person.Name)
	}
	if person := n.Members[id]; person.Email != "" {
		line += " <" + printable.Line(person.Email) + ">"
	}
	if line == "" {
		return ""
	}
	return "    member" + line
}
