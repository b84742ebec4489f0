package config

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

const encryptionKeyBytes = 32

// Keyring holds encryption keys as raw bytes, 32 each. The first encrypts, all
// decrypt: to rotate, put the new key in front and drop the old one when
// everything was written again.
type Keyring []secret.Text

// Bytes returns the keys as a cipher takes them.
func (k Keyring) Bytes() [][]byte {
	keys := make([][]byte, len(k))
	for i, key := range k {
		keys[i] = []byte(key.Reveal())
	}
	return keys
}

// unfitKey says what is wrong with a key, without showing it.
func unfitKey(key []byte, err error) string {
	switch {
	case err != nil:
		return "; this is no base64"
	case len(key) != encryptionKeyBytes:
		return fmt.Sprintf("; this is %d bytes", len(key))
	case monotonous(string(key)):
		return "; this repeats itself"
	}
	return ""
}

func parseKeyring(value string) (Keyring, error) {
	ring, wanted := Keyring(nil), fmt.Sprintf("base64 of %d random bytes (openssl rand -base64 %d); several, separated by commas: the first encrypts, all decrypt",
		encryptionKeyBytes, encryptionKeyBytes)
	if value == "" { // it was not given: nothing of it can be wrong
		return nil, want("%s", wanted)
	}
	for part := range strings.SplitSeq(value, ",") {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(part))
		if why := unfitKey(key, err); why != "" {
			return nil, want("%s", wanted+why)
		}
		ring = append(ring, secret.Text(key))
	}
	return ring, nil
}

const (
	hookSecretPrefix   = "whsec_"
	hookSecretMinBytes = 24
	hookSecretMaxBytes = 64
)

// HookSecrets are the secrets a signed hook may use, each with its "whsec_"
// prefix as the Standard Webhooks libraries take it. Several allow rotation.
type HookSecrets []secret.Text

func parseHookSecrets(value string) (HookSecrets, error) {
	var secrets HookSecrets
	separator := func(r rune) bool { return r == ',' || r == ' ' }
	for _, part := range strings.FieldsFunc(value, separator) {
		encoded, found := strings.CutPrefix(part, hookSecretPrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !found || err != nil || len(key) < hookSecretMinBytes || len(key) > hookSecretMaxBytes || monotonous(string(key)) {
			secrets = nil
			break
		}
		secrets = append(secrets, secret.Text(part))
	}
	if len(secrets) == 0 {
		return nil, want("%s and base64 of %d to %d random bytes; several, separated by spaces or commas",
			hookSecretPrefix, hookSecretMinBytes, hookSecretMaxBytes)
	}
	return secrets, nil
}
