package database

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

// tlsOf returns what an encrypted connection checks, or nil for none. For drivers
// that take no words.
func tlsOf(t connstring.Target) (*tls.Config, error) {
	e := t.Encryption
	if e.Mode == connstring.Plain {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.Host}
	if e.HostName != "" {
		config.ServerName = e.HostName
	}
	if e.RootFile != "" {
		text, err := os.ReadFile(e.RootFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", e.RootFile)
		}
	}
	if e.CertFile != "" {
		own, err := tls.LoadX509KeyPair(e.CertFile, e.KeyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	if e.Mode < connstring.Checked {
		config.InsecureSkipVerify = true // as the connection string says; the issuer is checked below
	}
	if e.Mode == connstring.Issued {
		config.VerifyConnection = issued(config.RootCAs)
	}
	return config, nil
}

// issued checks that a certificate comes from an authority, whatever name it carries.
func issued(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("the server shows no certificate")
		}
		between := x509.NewCertPool()
		for _, c := range s.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		return err
	}
}
