package setup

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secretBytes is the strength of every secret.
const secretBytes = 32

// secret is one that is made if it is missing. Its name is that of its file.
type secret struct {
	name string
	form func([]byte) string
}

// secrets are those of one installation. Read-only.
var secrets = []secret{
	{"encryption_key", base64.StdEncoding.EncodeToString},
	{"api_token", base64.RawURLEncoding.EncodeToString},
	{"hook_secret", func(raw []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(raw) }},
	// The others stand in URLs and configuration files, where a letter or a digit means only itself.
	{"redis_password", hex.EncodeToString},
	{"nats_worker", hex.EncodeToString},
	{"nats_producer", hex.EncodeToString},
	{"nats_subscriber", hex.EncodeToString},
}

// secretsIn reads the secrets of a folder, and makes those that are missing.
func (w *writer) secretsIn(dir string, random io.Reader) (map[string]string, error) {
	if err := w.folder(dir); err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, s := range secrets {
		path := filepath.Join(dir, s.name)
		there, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			raw := make([]byte, secretBytes)
			if _, err := io.ReadFull(random, raw); err != nil {
				return nil, fmt.Errorf("make %s: %w", path, err)
			}
			there = []byte(s.form(raw))
			if err := w.create(path, append(there, '\n')); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, fmt.Errorf("read a secret: %w", err)
		}
		if values[s.name] = strings.TrimSpace(string(there)); values[s.name] == "" {
			return nil, fmt.Errorf("%s is empty: delete it to have another made, or write the secret into it", path)
		}
	}
	return values, nil
}
