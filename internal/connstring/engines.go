package connstring

import (
	"errors"
	"strings"
)

// postgreSQL reads what Npgsql reads. Its "Require" checks no certificate since
// version 8, and a root certificate makes every mode that encrypts check the issuer.
func postgreSQL(p pairs) (Target, error) {
	t, err := common(p)
	if err != nil {
		return Target{}, err
	}
	t.Schema = strings.Trim(p.first("searchpath"), `"`)
	if strings.Contains(t.Schema, ",") {
		return Target{}, errors.New("has a search path of several schemas; want the one of the server's tables")
	}
	t.Encryption = Encryption{RootFile: p.first("rootcertificate"), CertFile: p.first("sslcertificate"), KeyFile: p.first("sslkey")}
	t.Encryption.Mode, err = mode(postgreSQLModes, p.first("sslmode"))
	if t.Encryption.Mode == Required && t.Encryption.RootFile != "" {
		t.Encryption.Mode = Issued
	}
	// The port may stand behind the host, too.
	if host, number, found := strings.Cut(t.Host, ":"); found && err == nil && !strings.Contains(number, ":") {
		t.Host = host
		t.Port, err = port(number)
	}
	return t, err
}

var postgreSQLModes = map[string]Mode{
	"": Preferred, "disable": Plain, "allow": Preferred, "prefer": Preferred,
	"require": Required, "verifyca": Issued, "verifyfull": Checked,
}

// mySQL reads what MySqlConnector reads.
func mySQL(p pairs) (Target, error) {
	t, err := common(p)
	if err != nil {
		return Target{}, err
	}
	t.Encryption = Encryption{
		RootFile: p.first("cacertificatefile", "sslca"),
		CertFile: p.first("sslcert", "sslcertificate"),
		KeyFile:  p.first("sslkey"),
	}
	if p.first("certificatefile") != "" {
		return Target{}, errors.New("has its own certificate as a PKCS #12 file; want SslCert and SslKey in PEM form")
	}
	t.Encryption.Mode, err = mode(mySQLModes, p.first("sslmode"))
	if t.Encryption.Mode == Required && t.Encryption.RootFile != "" {
		t.Encryption.Mode = Issued
	}
	return t, err
}

var mySQLModes = map[string]Mode{
	"": Preferred, "none": Plain, "disabled": Plain, "preferred": Preferred, "prefer": Preferred,
	"required": Required, "require": Required, "verifyca": Issued, "verifyfull": Checked,
}

// sqLite reads what Microsoft.Data.Sqlite reads.
func sqLite(p pairs) (Target, error) {
	file := p.first("datasource", "filename")
	if strings.HasPrefix(strings.ToLower(file), "file:") {
		return Target{}, errors.New("names a file as a URI; want its path")
	}
	if p.first("password") != "" {
		return Target{}, errors.New("has a password; encrypted SQLite files can't be read")
	}
	return Target{File: file}, nil
}

// sqlServer reads what Microsoft.Data.SqlClient reads, whose connections are
// encrypted and checked unless something else is said.
func sqlServer(p pairs) (Target, error) {
	t, err := common(p)
	if err != nil {
		return Target{}, err
	}
	if err := sqlServerRefusals(p); err != nil {
		return Target{}, err
	}
	if err := t.splitSQLServer(); err != nil {
		return Target{}, err
	}
	t.Encryption, err = sqlServerEncryption(p)
	return t, err
}

// splitSQLServer takes "tcp:host\instance,port" apart.
func (t *Target) splitSQLServer() error {
	host := t.Host
	if protocol, after, found := strings.Cut(host, ":"); found && !strings.Contains(after, ":") {
		if !strings.EqualFold(strings.TrimSpace(protocol), "tcp") {
			return errors.New("reaches the server by something else than TCP; want tcp:host,port")
		}
		host = after
	}
	host, number, _ := strings.Cut(host, ",")
	host, t.Instance, _ = strings.Cut(strings.TrimSpace(host), `\`)
	if host == "." || strings.EqualFold(host, "(local)") {
		host = "localhost"
	}
	t.Host = host
	if strings.TrimSpace(number) == "" {
		return nil
	}
	var err error
	t.Port, err = port(strings.TrimSpace(number))
	return err
}

func sqlServerRefusals(p pairs) error {
	integrated := p.first("integratedsecurity", "trustedconnection")
	if on, err := isTrue(integrated); on || err != nil || strings.EqualFold(integrated, "sspi") {
		return errors.New("signs in by Windows; want User ID and Password")
	}
	if strings.EqualFold(p.first("applicationintent"), "readonly") {
		return errors.New("is read-only, so it may lead to a replica that is behind; want one that leads to the primary")
	}
	return nil
}

func sqlServerEncryption(p pairs) (Encryption, error) {
	e := Encryption{HostName: p.first("hostnameincertificate"), RootFile: p.first("servercertificate")}
	trust, err := isTrue(p.first("trustservercertificate"))
	if err != nil {
		return Encryption{}, err
	}
	e.Mode, err = mode(sqlServerModes, p.first("encrypt"))
	if e.Mode == Checked && trust {
		e.Mode = Required
	}
	return e, err
}

var sqlServerModes = map[string]Mode{
	"": Checked, "true": Checked, "yes": Checked, "mandatory": Checked, "1": Checked,
	"false": Preferred, "no": Preferred, "optional": Preferred, "0": Preferred, "strict": Strict,
}
