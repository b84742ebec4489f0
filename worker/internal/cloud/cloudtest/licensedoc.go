package cloudtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// document is a license by the PascalCase names of its fields. Values are nil,
// string, bool, int or time.Time.
type document map[string]any

// signedFields are the fields that the property signature covers for version
// 15, in the culture-aware order of the original (PROTOCOL.md 4.2).
var signedFields = []string{
	"AllowAdminAccessToAllCollectionItems", "BillingEmail", "BusinessName", "Enabled",
	"ExpirationWithoutGracePeriod", "Expires", "Hash", "Id", "InstallationId", "Issued", "LicenseKey",
	"LimitCollectionCreationDeletion", "MaxCollections", "MaxStorageGb", "Name", "Plan", "PlanType", "Refresh",
	"Seats", "SelfHost", "SmSeats", "SmServiceAccounts", "Trial", "Use2fa", "UseApi", "UseCustomPermissions",
	"UseDirectory", "UseEvents", "UseGroups", "UseKeyConnector", "UsePasswordManager", "UsePolicies",
	"UseResetPassword", "UsersGetPremium", "UseScim", "UseSecretsManager", "UseSso", "UseTotp", "Version",
}

// legacyPlans are the plan numbers that are signed by name.
var legacyPlans = []string{
	"Free", "FamiliesAnnually", "TeamsMonthly", "TeamsAnnually", "EnterpriseMonthly", "EnterpriseAnnually", "Custom",
}

// body renders the license as the API answers it: camelCase, dates in .NET style.
func (d document) body() map[string]any {
	out := make(map[string]any, len(d))
	for name, value := range d {
		if at, ok := value.(time.Time); ok {
			value = at.UTC().Format(dotNetTime)
		}
		out[strings.ToLower(name[:1])+name[1:]] = value
	}
	return out
}

// signedText is what the property signature is made over.
func (d document) signedText(without ...string) string {
	pairs := make([]string, 0, len(signedFields))
	for _, name := range signedFields {
		if !slices.Contains(without, name) {
			pairs = append(pairs, name+":"+signedValue(name, d[name]))
		}
	}
	return "license:organization|" + strings.Join(pairs, "|")
}

func signedValue(name string, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case time.Time:
		return strconv.FormatInt(int64(math.RoundToEven(float64(v.UnixMicro())/1e6)), 10)
	case int:
		if name == "PlanType" && v >= 0 && v < len(legacyPlans) {
			return legacyPlans[v]
		}
	}
	return fmt.Sprint(value)
}

// claims renders the license as the token carries it: strings in .NET's
// invariant form, absent when null.
func (d document) claims() jwt.MapClaims {
	claims := jwt.MapClaims{}
	for name, value := range d {
		switch v := value.(type) {
		case nil:
		case bool:
			claims[name] = map[bool]string{true: "True", false: "False"}[v]
		case time.Time:
			claims[name] = v.UTC().Format("01/02/2006 15:04:05")
		default:
			claims[name] = fmt.Sprint(v)
		}
	}
	claims["LicenseType"] = "Organization"
	delete(claims, "Version")
	return claims
}

// signer is the cloud's license key pair and its self-signed certificate.
type signer struct {
	key *rsa.PrivateKey
	der []byte
}

// newSigner makes a fresh pair with the dates of the real certificate. It
// panics when the machine has no randomness, since nothing can go on then.
func newSigner() *signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("generate license key of simulated cloud: %v", err))
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bitwarden License Simulated"},
		NotBefore: time.Date(2017, 8, 9, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2047, 8, 2, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(fmt.Sprintf("create license certificate of simulated cloud: %v", err))
	}
	return &signer{key: key, der: der}
}

// sign adds Token, Hash and Signature.
func (s *signer) sign(doc document, mode LicenseMode, id string) error {
	doc["Token"] = nil
	if !mode.NoToken {
		token, err := s.token(doc, id)
		if err != nil {
			return err
		}
		doc["Token"] = token
	}
	hash := sha256.Sum256([]byte(doc.signedText("Hash", "Issued", "Refresh")))
	doc["Hash"] = base64.StdEncoding.EncodeToString(hash[:])
	digest := sha256.Sum256([]byte(doc.signedText()))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, digest[:])
	if err != nil {
		return fmt.Errorf("sign license: %w", err)
	}
	doc["Signature"] = base64.StdEncoding.EncodeToString(signature)
	if mode.BadSignature {
		spoil(doc, signature)
	}
	return nil
}

func (s *signer) token(doc document, id string) (string, error) {
	issued, _ := doc["Issued"].(time.Time)
	claims := doc.claims()
	delete(claims, "Token")
	claims["iss"], claims["aud"], claims["jti"] = "bitwarden", "organization:"+fmt.Sprint(doc["Id"]), id
	claims["nbf"], claims["iat"], claims["exp"] = issued.Unix(), issued.Unix(), issued.AddDate(1, 0, 0).Unix()
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("sign license token: %w", err)
	}
	return token, nil
}

// spoil keeps the form of both signatures but not their truth.
func spoil(doc document, signature []byte) {
	signature[0] ^= 0xff
	doc["Signature"] = base64.StdEncoding.EncodeToString(signature)
	if token, ok := doc["Token"].(string); ok {
		signed := token[:strings.LastIndexByte(token, '.')+1]
		doc["Token"] = signed + base64.RawURLEncoding.EncodeToString(signature)
	}
}

// CertificateDER is the certificate that licenses verify against.
func (c *Cloud) CertificateDER() []byte { return slices.Clone(c.signer().der) }

// CertificatePEM is CertificateDER in PEM.
func (c *Cloud) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.signer().der})
}
