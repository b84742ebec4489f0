package database

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

func TestSQLServerStatementsAreTheOnesThatWereParsed(t *testing.T) {
	l := layout{
		sponsorships: {"Id", "OfferedToEmail"}, connections: {"Config"}, organizations: {"LicenseKey"},
	}
	s := sqlServerSyntax()
	for want, got := range map[string]string{
		"LOWER(CONVERT(char(36), [Id]))": s.readID("Id"),
		"CONVERT(varchar(27), [D], 121)": s.readDate("D"),
		"CAST([ToDelete] AS int)":        s.readFlag("ToDelete"),
		"[odd]]name]":                    s.quote("odd]name"),
		"SELECT LOWER(CONVERT(char(36), [SponsoringOrganizationId])), CONCAT(COUNT_BIG(*), '/', CHECKSUM_AGG(BINARY_CHECKSUM([Id], [OfferedToEmail])), '/', " +
			"SUM(CAST(BINARY_CHECKSUM([Id], [OfferedToEmail]) AS bigint) * (BINARY_CHECKSUM([Id]) % 8191))) " +
			"FROM [OrganizationSponsorship] WHERE [SponsoringOrganizationId] IS NOT NULL GROUP BY [SponsoringOrganizationId]": s.print(sponsorships, l),
		"SELECT LOWER(CONVERT(char(36), [OrganizationId])), CONCAT(COUNT_BIG(*), '/', CHECKSUM_AGG(BINARY_CHECKSUM([Config])), '/', " +
			"SUM(CAST(BINARY_CHECKSUM([Config]) AS bigint) * (BINARY_CHECKSUM([Id]) % 8191))) " +
			"FROM [OrganizationConnection] WHERE [OrganizationId] IS NOT NULL AND [Type] = 1 GROUP BY [OrganizationId]": s.print(connections, l),
		"GRANT SELECT ON OBJECT::[dbo].[Organization] ([Id], [Name]) TO [bridge];": s.grant(grant{"SELECT", organizations, []string{"Id", "Name"}, "[bridge]"}),
		"GRANT DELETE ON OBJECT::[dbo].[OrganizationSponsorship] TO [bridge];":     s.grant(grant{"DELETE", sponsorships, nil, "[bridge]"}),
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if q := questionSQLServer(l); strings.Count(q, "CHECKSUM_AGG") != 3 || !strings.Contains(q, "WHERE [Type] = 1") {
		t.Errorf("cheap question: %s", q)
	}
}

func TestSQLServerEncryptsAsTheServersOwnStringSays(t *testing.T) {
	for mode, want := range map[connstring.Mode]struct {
		encryption msdsn.Encryption
		checked    bool
	}{
		connstring.Plain:    {msdsn.EncryptionDisabled, false},
		connstring.Required: {msdsn.EncryptionRequired, false},
		connstring.Checked:  {msdsn.EncryptionRequired, true},
		connstring.Strict:   {msdsn.EncryptionStrict, true},
	} {
		target := connstring.Target{
			Engine: connstring.SQLServer, Host: "mssql", Database: "vault", User: "sa", Password: "p;=@/?",
			Encryption: connstring.Encryption{Mode: mode},
		}
		text, err := addressSQLServer(target)
		if err != nil {
			t.Fatal(err)
		}
		got, err := msdsn.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got.Encryption != want.encryption || got.TrustServerCertificate == want.checked && mode != connstring.Plain {
			t.Errorf("%s: encryption %v, trusts anybody %v", mode, got.Encryption, got.TrustServerCertificate)
		}
		if got.Host != "mssql" || got.Port != 1433 || got.Password != "p;=@/?" || got.Database != "vault" {
			t.Errorf("%s: %s:%d database %s", mode, got.Host, got.Port, got.Database)
		}
	}
	_, err := addressSQLServer(connstring.Target{Encryption: connstring.Encryption{Mode: connstring.Issued}})
	if err == nil {
		t.Error("an encryption that this engine does not have was taken")
	}
}

func TestSQLServerAddressNamesAnInstance(t *testing.T) {
	text, err := addressSQLServer(connstring.Target{Host: "db", Instance: "EXPRESS", Database: "vault"})
	if u, errParse := url.Parse(text); err != nil || errParse != nil || u.Host != "db" || u.Path != "/EXPRESS" {
		t.Errorf("address %s: %v", text, err)
	}
}

func TestSQLServerErrorsAreToldApart(t *testing.T) {
	for number, want := range map[int32]cause{207: noColumn, 208: noColumn, 229: noGrant, 230: noGrant, 1205: busy, 1222: busy, 18456: away, 4060: away} {
		if got := explainSQLServer(fmt.Errorf("read: %w", mssql.Error{Number: number})); got != want {
			t.Errorf("error %d is %v, want %v", number, got, want)
		}
	}
	if got := explainSQLServer(errors.New("connection reset")); got != away {
		t.Errorf("a network error is %v", got)
	}
}
