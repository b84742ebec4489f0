package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/sponsorsync/sponsorsync/internal/redisurl"
)

// The names of a [TLS]'s variables, behind the prefix of its server.
const (
	redisPrefix = ownPrefix + "REDIS_"
	natsPrefix  = ownPrefix + "NATS_"

	caFile   = "CA_FILE"
	certFile = "CERT_FILE"
	keyFile  = "TLS_KEY_FILE"
)

// TLS names the files of an encrypted connection beyond what the system trusts.
// The zero value is none of them.
type TLS struct {
	CAFile   string // PEM; then only what these sign is trusted
	CertFile string // PEM: who we are, with its chain; set together with KeyFile
	KeyFile  string
}

// Config returns nil where nothing is set. The certificate is read anew for each
// connection, so it may be renewed under a running program.
func (t TLS) Config() (*tls.Config, error) {
	if t == (TLS{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		pool, err := readCertificates(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read certificates of %s: %w", t.CAFile, err)
		}
		c.RootCAs = pool
	}
	if t.CertFile != "" {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			return &pair, err
		}
	}
	return c, nil
}

func readCertificates(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("there is no certificate in it")
	}
	return pool, nil
}

func certificates(path string) error {
	if err := readableFile(path); err != nil {
		return err
	}
	if _, err := readCertificates(path); err != nil {
		return want("a PEM file of certificates (-----BEGIN CERTIFICATE-----): %s", reason(err))
	}
	return nil
}

// privateKey does not look whose key it is: see checkPair.
func privateKey(path string) error {
	if err := readableFile(path); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return want("a readable file: %s", reason(err))
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return want("a key without a passphrase: nobody is there to type it")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return nil
		}
	}
	return want("a PEM file with a private key (-----BEGIN PRIVATE KEY-----)")
}

// checkTLS faults what each file by itself does not show: half a pair, a pair that is
// none, and files that a connection without TLS would never use.
func (l *loader) checkTLS(prefix string, t TLS, plain string) {
	cert, key := prefix+certFile, prefix+keyFile
	switch {
	case l.faulty[cert] || l.faulty[key]:
	case t.CertFile != "" && t.KeyFile == "":
		l.fault(lookup(cert), cert, "set without "+key+"; want both: a certificate proves nothing without its key")
	case t.CertFile == "" && t.KeyFile != "":
		l.fault(lookup(key), key, "set without "+cert+"; want both: nobody knows whose key it is")
	case t.CertFile != "":
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			l.fault(lookup(cert), cert, fmt.Sprintf("got %q, which does not go with %s: %s", t.CertFile, key, reason(err)))
		}
	}
	for suffix, file := range map[string]string{caFile: t.CAFile, certFile: t.CertFile} {
		if name := prefix + suffix; file != "" && plain != "" {
			l.fault(lookup(name), name, "set, but "+plain)
		}
	}
}

// checkConnections holds the settings of both servers against each other.
func (l *loader) checkConnections(r Redis, n NATS) {
	plain := ""
	if at, err := redisurl.Parse(r.URL.Reveal()); err == nil && !at.Encrypted(&tls.Config{}) {
		plain = "REDIS_URL does not begin with rediss://, so nothing would be encrypted"
	}
	l.checkTLS(redisPrefix, r.TLS(), plain)
	l.checkTLS(natsPrefix, n.TLS(), "")
	if n.CredsFile != "" && n.NKeyFile != "" {
		l.fault(lookup(natsNKeyFile), natsNKeyFile, "set together with "+natsCredsFile+"; want only one of the two")
	}
}

// nkeySeed accepts a seed of a user, alone in its file or among other lines, as
// nats.go reads it.
func nkeySeed(path string) error {
	if err := readableFile(path); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return want("a readable file: %s", reason(err))
	}
	pair, err := nkeys.ParseDecoratedUserNKey(text)
	if err != nil {
		return want("a file with the seed of a user's NKEY, which begins with SU (nsc generate nkey --user)")
	}
	pair.Wipe()
	return nil
}

// domainName accepts what can be one token of a subject.
func domainName(value string) error {
	if strings.ContainsAny(value, ".*> \t\r\n") {
		return want("a JetStream domain such as hub, without dots, spaces and wildcards")
	}
	return nil
}
