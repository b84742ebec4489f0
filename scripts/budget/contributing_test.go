package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestContributingNamesWhatIsThere: every path in the guide for contributors exists.
func TestContributingNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	paths := regexp.MustCompile("`([a-z]+(?:/[A-Za-z_.-]+)+)`").FindAllStringSubmatch(string(text), -1)
	for _, m := range paths {
		if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
			t.Error(err)
		}
	}
	if len(paths) < 30 {
		t.Errorf("found %d paths", len(paths))
	}
}
