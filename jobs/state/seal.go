package state

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Sealer encrypts secrets at rest with AES-256-GCM. Each sealed text starts with
// the id of its key, so that keys can be rotated: the first key seals, any opens.
type Sealer struct {
	primary string
	byID    map[string]cipher.AEAD
}

// NewSealer takes keys of 32 bytes, the current one first.
func NewSealer(keys ...[]byte) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("seal: no encryption key")
	}
	s := &Sealer{byID: map[string]cipher.AEAD{}}
	for i, key := range keys {
		if len(key) != 32 {
			return nil, fmt.Errorf("seal: encryption key %d has %d bytes, want 32", i+1, len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		sum := sha256.Sum256(key)
		id := hex.EncodeToString(sum[:4])
		if s.byID[id] = aead; i == 0 {
			s.primary = id
		}
	}
	return s, nil
}

// Seal encrypts text for one place (an organization's field, say); it opens only
// there, so a sealed value copied to another record is worthless.
func (s *Sealer) Seal(text, place string) string {
	sealed := s.byID[s.primary].Seal(nil, nil, []byte(text), []byte(place))
	return s.primary + "." + base64.RawStdEncoding.EncodeToString(sealed)
}

// Open decrypts what Seal made for the same place.
func (s *Sealer) Open(sealed, place string) (string, error) {
	id, encoded, _ := strings.Cut(sealed, ".")
	aead, known := s.byID[id]
	if !known {
		return "", fmt.Errorf("open %s: sealed with key %s, which SPONSORSYNC_ENCRYPTION_KEY does not hold; add the old key behind a comma, or save the connection again", place, id)
	}
	raw, err := base64.RawStdEncoding.DecodeString(encoded)
	var text []byte
	if err == nil {
		text, err = aead.Open(nil, nil, raw, []byte(place))
	}
	if err != nil {
		return "", fmt.Errorf("open %s: the stored secret is damaged; save the connection again", place)
	}
	return string(text), nil
}
