package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// nkeySeed is of a user that no server knows.
const nkeySeed = "SUANMIKJRDTIVE6AWT6SNV7RZBKLSCAIC63A2ZKGUOWSQD5OHFUU5LUGBM\n"

func TestFaultsOfFilesForTLS(t *testing.T) {
	t.Parallel()
	own, other := jobstest.NewCertificates(t), jobstest.NewCertificates(t)
	locked := file(t, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	missing := filepath.Join(t.TempDir(), "none")
	const secure, redis, nats = "REDIS_URL=rediss://h", "SPONSORSYNC_REDIS_", "SPONSORSYNC_NATS_"
	tests := map[string]struct {
		environ []string
		faults  string
	}{
		"none":                      {nil, ""},
		"all":                       {[]string{secure, redis + "CA_FILE=" + own.CA, redis + "CERT_FILE=" + own.Cert, redis + "TLS_KEY_FILE=" + own.Key}, ""},
		"all of NATS":               {[]string{nats + "CA_FILE=" + own.CA, nats + "CERT_FILE=" + own.Cert, nats + "TLS_KEY_FILE=" + own.Key}, ""},
		"Sentinels":                 {[]string{"REDIS_URL=redis-sentinel://a,b/m", redis + "CA_FILE=" + own.CA}, ""},
		"not encrypted":             {[]string{"REDIS_URL=redis://h", redis + "CA_FILE=" + own.CA}, redis + "CA_FILE"},
		"not encrypted, by default": {[]string{redis + "CERT_FILE=" + own.Cert, redis + "TLS_KEY_FILE=" + own.Key}, redis + "CERT_FILE"},
		"missing":                   {[]string{secure, redis + "CA_FILE=" + missing}, redis + "CA_FILE"},
		"a key as a certificate":    {[]string{secure, redis + "CA_FILE=" + own.Key}, redis + "CA_FILE"},
		"a certificate as a key":    {[]string{nats + "CERT_FILE=" + own.Cert, nats + "TLS_KEY_FILE=" + own.Cert}, nats + "TLS_KEY_FILE"},
		"a passphrase":              {[]string{nats + "CERT_FILE=" + own.Cert, nats + "TLS_KEY_FILE=" + locked}, nats + "TLS_KEY_FILE"},
		"no key":                    {[]string{nats + "CERT_FILE=" + own.Cert}, nats + "CERT_FILE"},
		"no certificate":            {[]string{nats + "TLS_KEY_FILE=" + own.Key}, nats + "TLS_KEY_FILE"},
		"another's key":             {[]string{secure, redis + "CERT_FILE=" + own.Cert, redis + "TLS_KEY_FILE=" + other.Key}, redis + "CERT_FILE"},
		"an NKEY":                   {[]string{nats + "NKEY_FILE=" + file(t, nkeySeed), nats + "DOMAIN=hub"}, ""},
		"another kind of NKEY":      {[]string{nats + "NKEY_FILE=" + file(t, "SAANONSENSE")}, nats + "NKEY_FILE"},
		"a domain of two tokens":    {[]string{nats + "DOMAIN=a.b"}, nats + "DOMAIN"},
		"a wildcard for a domain":   {[]string{nats + "DOMAIN=*"}, nats + "DOMAIN"},
		"creds and NKEY":            {[]string{nats + "CREDS_FILE=" + own.CA, nats + "NKEY_FILE=" + file(t, nkeySeed)}, nats + "NKEY_FILE"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.LoadProducer(read(t, tt.environ...))
			if got := names(faults(t, err)); got != tt.faults {
				t.Errorf("faults %q, want %q: %v", got, tt.faults, err)
			}
		})
	}
}

// Certificates live for days; the programs for months.
func TestARenewedCertificateIsUsedWithoutARestart(t *testing.T) {
	t.Parallel()
	own, renewed := jobstest.NewCertificates(t), jobstest.NewCertificates(t)
	c := jobstest.Value(config.TLS{CAFile: own.CA, CertFile: own.Cert, KeyFile: own.Key}.Config())(t)
	before := jobstest.Value(c.GetClientCertificate(nil))(t)
	for from, to := range map[string]string{renewed.Cert: own.Cert, renewed.Key: own.Key} {
		jobstest.Must(t, os.Rename(from, to))
	}
	if after := jobstest.Value(c.GetClientCertificate(nil))(t); after.Leaf.Equal(before.Leaf) {
		t.Error("the old one goes on")
	}
}

func TestNoFilesAreNoTLSConfiguration(t *testing.T) {
	t.Parallel()
	if c, err := (config.TLS{}).Config(); c != nil || err != nil {
		t.Errorf("got %v, %v", c, err)
	}
}
