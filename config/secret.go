package config

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

const redacted = "[redacted]"

// Secret is a text that shows itself only through Reveal. Every fmt verb and
// every encoder prints a placeholder instead; keep it in exported fields, for
// fmt cannot ask an unexported one.
type Secret string

// Reveal returns the secret itself, for the one place that must send or use it.
func (s Secret) Reveal() string { return string(s) }

// String returns a placeholder, or "" for an empty secret, so that a print
// still tells whether there is one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString returns what String does, quoted.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText keeps the secret out of JSON and everything else that encodes text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Format covers the verbs that would bypass String, such as %d.
func (s Secret) Format(f fmt.State, verb rune) { format(f, verb, s.String()) }

// Address is where a server is, possibly with a password. It prints without
// user, password and query, which is what a log line needs.
type Address string

// Reveal returns the address with its credentials, for the client that connects.
func (a Address) Reveal() string { return string(a) }

// String returns the address, or the comma-separated addresses, without credentials.
// All that precedes the last '@' of an address goes, even where it is malformed.
func (a Address) String() string {
	parts := strings.Split(string(a), "://")
	for i, part := range parts {
		part = part[strings.LastIndexByte(part, '@')+1:]
		parts[i], _, _ = strings.Cut(part, "?")
	}
	return strings.Join(parts, "://")
}

// GoString returns what String does, quoted.
func (a Address) GoString() string { return fmt.Sprintf("%q", a.String()) }

// MarshalText keeps the credentials out of JSON and everything else that encodes text.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Format covers the verbs that would bypass String, such as %d.
func (a Address) Format(f fmt.State, verb rune) { format(f, verb, a.String()) }

func format(f fmt.State, verb rune, shown string) {
	if verb == 'q' || (verb == 'v' && f.Flag('#')) {
		shown = fmt.Sprintf("%q", shown)
	}
	_, _ = io.WriteString(f, shown)
}

const encryptionKeyBytes = 32

// Keyring holds encryption keys as raw bytes, 32 each. The first encrypts, all
// decrypt: to rotate, put the new key in front and drop the old one when
// everything was written again.
type Keyring []Secret

// Bytes returns the keys as a cipher takes them.
func (k Keyring) Bytes() [][]byte {
	keys := make([][]byte, len(k))
	for i, key := range k {
		keys[i] = []byte(key.Reveal())
	}
	return keys
}

func parseKeyring(value string) (Keyring, error) {
	var ring Keyring
	for part := range strings.SplitSeq(value, ",") {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(part))
		if err != nil || len(key) != encryptionKeyBytes {
			return nil, want("base64 of %d bytes (openssl rand -base64 %d); several, separated by commas: the first encrypts, all decrypt",
				encryptionKeyBytes, encryptionKeyBytes)
		}
		ring = append(ring, Secret(key))
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
type HookSecrets []Secret

func parseHookSecrets(value string) (HookSecrets, error) {
	var secrets HookSecrets
	separator := func(r rune) bool { return r == ',' || r == ' ' }
	for _, part := range strings.FieldsFunc(value, separator) {
		encoded, found := strings.CutPrefix(part, hookSecretPrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !found || err != nil || len(key) < hookSecretMinBytes || len(key) > hookSecretMaxBytes {
			secrets = nil
			break
		}
		secrets = append(secrets, Secret(part))
	}
	if len(secrets) == 0 {
		return nil, want("%s and base64 of %d to %d bytes; several, separated by spaces or commas",
			hookSecretPrefix, hookSecretMinBytes, hookSecretMaxBytes)
	}
	return secrets, nil
}
