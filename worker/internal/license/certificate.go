package license

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// LoadCertificate reads the certificate that licenses are signed with, in PEM
// or DER, as Bitwarden ships it. It is trusted because the operator chose the
// file: it is self-signed, and no chain is looked at.
func LoadCertificate(path string) (*rsa.PublicKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load license certificate: %w", err)
	}
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("load license certificate %s: %w", path, err)
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("load license certificate %s: %w", path, errors.New("its key is not RSA"))
	}
	return key, nil
}
