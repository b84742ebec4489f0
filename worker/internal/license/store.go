package license

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Store keeps license files in the official server's layout (PROTOCOL.md 4.1):
// organization/ORG.json below its directory.
type Store struct {
	dir  string
	step func(done string) error // told of each step; an error ends the write there
}

// NewStore returns a store below dir, which need not exist yet.
func NewStore(dir string) *Store {
	return &Store{dir: filepath.Join(dir, "organization"), step: func(string) error { return nil }}
}

// Path is where the license of an organization, by its self-hosted id, is kept.
func (s *Store) Path(org sponsorship.ID) string { return filepath.Join(s.dir, string(org)+".json") }

// Write replaces the license of an organization. Whenever it is interrupted,
// the old file or the new one is there, whole. A file that was there before keeps its
// owner and its mode: the server's containers run as a user of their own.
func (s *Store) Write(org sponsorship.ID, d Document) error {
	if !org.Valid() { // it becomes part of a path
		return fmt.Errorf("write license: organization %q is not a UUID", org)
	}
	content, err := d.fields.file()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("write license: %w", err)
	}
	if err := s.replace(s.Path(org), content); err != nil {
		return fmt.Errorf("write license: %w", err)
	}
	return nil
}

// replace writes beside the target and renames: both are one directory's, so
// the rename is atomic, and after the last step it also survives a power cut.
func (s *Store) replace(target string, content []byte) error {
	temp, err := os.CreateTemp(s.dir, ".license-*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // after the rename there is nothing to remove
	if err := likeBefore(temp, target); err != nil {
		return errors.Join(err, temp.Close())
	}
	if err := s.fill(temp, content); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), target); err != nil {
		return err
	}
	if err := s.step("renamed"); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// likeBefore gives a file what the one at target has; where there is none, it is its
// writer's alone.
func likeBefore(file *os.File, target string) error {
	was, err := os.Stat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := keepOwner(file, was); err != nil {
		return err
	}
	return file.Chmod(was.Mode().Perm())
}

// ServersOwn reports whether a directory looks like the one that the self-hosted
// server keeps its licenses in: there a new file takes effect without what the server
// keeps in its database beside it, and the server disables the organization.
func ServersOwn(dir string) bool {
	path, err := filepath.Abs(dir)
	if err != nil {
		path = dir
	}
	return strings.HasSuffix(filepath.ToSlash(path), "core/licenses")
}

func (s *Store) fill(temp *os.File, content []byte) error {
	write := func() error {
		if err := s.step("created"); err != nil {
			return err
		}
		if _, err := temp.Write(content); err != nil {
			return err
		}
		if err := s.step("written"); err != nil {
			return err
		}
		return temp.Sync()
	}
	if err := errors.Join(write(), temp.Close()); err != nil {
		return err
	}
	return s.step("flushed")
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Probe reports whether licenses could be written, by writing and removing an
// empty file. It creates no directory: that is left to the program's own user.
// It returns the directory that it tried, which is a parent while the store's
// own does not exist.
func (s *Store) Probe() (tried string, err error) {
	tried = s.dir
	for {
		_, err := os.Stat(tried)
		if !errors.Is(err, fs.ErrNotExist) || tried == filepath.Dir(tried) {
			break
		}
		tried = filepath.Dir(tried)
	}
	temp, err := os.CreateTemp(tried, ".probe-*.tmp")
	if err != nil {
		return tried, fmt.Errorf("try license directory: %w", err)
	}
	if err := errors.Join(temp.Close(), os.Remove(temp.Name())); err != nil {
		return tried, fmt.Errorf("try license directory: %w", err)
	}
	return tried, nil
}
