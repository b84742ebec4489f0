package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeMapsTheTree: every folder that the README's map names exists, and
// every package is on it, on a line of its own or in the words of its parent's.
func TestReadmeMapsTheTree(t *testing.T) {
	t.Parallel()
	named := readmeMap(t)
	for folder := range named {
		if info, err := os.Stat(filepath.Join("../..", folder)); err != nil || !info.IsDir() {
			t.Errorf("the README's map names %s/, which is no folder", folder)
		}
	}
	for folder := range packages(t) {
		if !named[folder] {
			t.Errorf("the README's map does not name %s/", folder)
		}
	}
}

// readmeMap returns the folders of the section "Where is what". A line is indented
// by two more than the folder that it is in.
func readmeMap(t *testing.T) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(raw), "\n## Where is what\n")
	section, _, _ = strings.Cut(section, "\n## ")
	line := regexp.MustCompile(`^    ( *)([a-z0-9/]+)/(?: +(.*))?$`)
	word := regexp.MustCompile(`\b([a-z0-9]+)/(?:$|[ ,;:.)])`)
	named := map[string]bool{}
	top := ""
	for text := range strings.Lines(section) {
		match := line.FindStringSubmatch(strings.TrimRight(text, "\n"))
		if match == nil {
			continue
		}
		folder := match[2]
		if match[1] == "" {
			top = folder
		} else {
			folder = path.Join(top, folder)
		}
		named[folder] = true
		for _, inside := range word.FindAllStringSubmatch(match[3], -1) {
			named[path.Join(folder, inside[1])] = true
		}
	}
	if len(named) < 10 {
		t.Fatalf("found only %d folders in the README's map", len(named))
	}
	return named
}

// packages returns the folders that hold Go files, without test data.
func packages(t *testing.T) map[string]bool {
	t.Helper()
	folders := map[string]bool{}
	err := fs.WalkDir(os.DirFS("../.."), ".", func(name string, _ fs.DirEntry, err error) error {
		if path.Base(name) == "testdata" {
			return fs.SkipDir
		}
		if path.Ext(name) == ".go" {
			folders[path.Dir(name)] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}
