package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
)

// Values that pass, and texts that must never be seen in any output.
const (
	key32        = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" // 0123456789abcdef twice
	otherKey32   = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=" // fedcba9876543210 twice
	token32      = "a-token-of-32-characters-or-more"
	hookSecret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	installation = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
)

// read merges NAME=VALUE entries without any file.
func read(t *testing.T, environ ...string) config.Environ {
	t.Helper()
	e, err := config.Read(environ, nil)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return e
}

// file writes content to a file that lives as long as the test.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "global.override.env")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// faults returns the faults of an error that must be nil or an *Error.
func faults(t *testing.T, err error) []config.Fault {
	t.Helper()
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*config.Error](err)
	if !ok {
		t.Fatalf("got %T, want *config.Error", err)
	}
	return e.Faults
}

func names(list []config.Fault) string {
	all := make([]string, len(list))
	for i, f := range list {
		all[i] = f.Name
	}
	return strings.Join(all, " ")
}
