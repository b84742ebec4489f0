package jobstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificates are PEM files of a certificate authority of a test's own, and of one
// certificate that it has signed for localhost and 127.0.0.1. It serves both ends.
type Certificates struct{ CA, Cert, Key string }

// NewCertificates writes a fresh set, which the end of the test removes.
func NewCertificates(t testing.TB) Certificates {
	t.Helper()
	dir := t.TempDir()
	c := Certificates{filepath.Join(dir, "ca.crt"), filepath.Join(dir, "own.crt"), filepath.Join(dir, "own.key")}
	authority := certificate("test authority")
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	authorityKey := Value(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	own := certificate("localhost")
	own.DNSNames, own.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	own.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	ownKey := Value(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	writePEM(t, c.CA, "CERTIFICATE", Value(x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey))(t))
	writePEM(t, c.Cert, "CERTIFICATE", Value(x509.CreateCertificate(rand.Reader, own, authority, &ownKey.PublicKey, authorityKey))(t))
	writePEM(t, c.Key, "PRIVATE KEY", Value(x509.MarshalPKCS8PrivateKey(ownKey))(t))
	return c
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func writePEM(t testing.TB, path, kind string, content []byte) {
	t.Helper()
	Must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600))
}
