// Command webvault stands in for the web vault of a self-hosted server, in a SQLite file that
// has the server's tables: members offer and revoke there, and see what it says of their
// offers. It is for demonstrations; it knows nothing of the bridge that follows the file.
//
//	webvault FILE found TOKEN CLOUDORG   make an organization, print its id
//	webvault FILE join ORG NAME          print the new member's id
//	webvault FILE offer MEMBER ADDRESS
//	webvault FILE revoke MEMBER
//	webvault FILE show                   what members see
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/vaulttest"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "webvault:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("got %d arguments, want a file and what to do", len(args))
	}
	v, err := vaulttest.OpenFile(ctx, args[0])
	if err != nil {
		return err
	}
	defer func() { _ = v.DB.Close() }()
	do, args := args[1], args[2:]
	wanted, known := map[string]int{"found": 2, "join": 2, "offer": 2, "revoke": 1, "show": 0}[do]
	if !known || len(args) != wanted {
		return fmt.Errorf("%q with %d arguments is nothing that one can do", do, len(args))
	}
	switch do {
	case "found":
		return found(ctx, v, args[0], args[1])
	case "join":
		member, _, err := v.Join(ctx, args[0], vaulttest.Person{Name: args[1], Email: args[1] + "@work.example"})
		fmt.Println(member)
		return err
	case "offer":
		return v.Offer(ctx, vaulttest.ByWebVault(args[0], args[1]))
	case "revoke":
		return v.Revoke(ctx, args[0])
	}
	return show(ctx, v)
}

func found(ctx context.Context, v *vaulttest.Vault, token, cloudOrganization string) error {
	org, err := v.Found(ctx, vaulttest.Organization{Name: "Acme"})
	if err == nil {
		err = v.SaveToken(ctx, org, token, cloudOrganization)
	}
	fmt.Println(org)
	return err
}

// show prints the rows as the web vault words them; the first that fits.
func show(ctx context.Context, v *vaulttest.Vault) error {
	rows, err := v.Records(ctx, "OrganizationSponsorship")
	for _, r := range rows {
		word := "Requested"
		switch marked := r["ToDelete"] != int64(0); {
		case marked && r["ValidUntil"] != nil:
			word = "Expires"
		case marked:
			word = "Removed (awaiting sync)"
		case r["ValidUntil"] != nil:
			word = "Active"
		case r["LastSyncDate"] != nil:
			word = "Sent"
		}
		fmt.Printf("%-24v %s\n", r["OfferedToEmail"], word)
	}
	return err
}
