package memory

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

const (
	keySize    = 32 // bytes
	digestSize = 16 // bytes of it are kept: more than enough to tell the texts of one organization apart
)

// keyPlace is what the key is sealed for. It is part of every stored ciphertext.
func keyPlace(org sponsorship.ID) string { return string(org) + "/bridge digest key" }

// Digest hides a text of a field: equal ones have equal digests, of this
// organization and field only.
func (k Kept) Digest(field, text string) string {
	h := hmac.New(sha256.New, k.key)
	_, _ = fmt.Fprintf(h, "%s\x00%s", field, text) // a hash takes everything
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil)[:digestSize])
}

func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	return key
}

func (s *Store) sealKey(k Kept) string { return s.sealer.Seal(string(k.key), keyPlace(k.org)) }

func (s *Store) openKey(org sponsorship.ID, sealed string) ([]byte, error) {
	if s.sealer == nil {
		return nil, nil
	}
	key, err := s.sealer.Open(sealed, keyPlace(org))
	if err != nil {
		return nil, err
	}
	return []byte(key), nil
}
