package setup

import (
	"fmt"
	"os"
	"path/filepath"
)

// writer makes files that only their owner may read.
type writer struct{ made []string }

func (w *writer) folder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return fmt.Errorf("make a folder for what only user %d may read: %w", os.Getuid(), err)
	}
	return nil
}

// create refuses to overwrite.
func (w *writer) create(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write as user %d: %w", os.Getuid(), err)
	}
	if _, err := file.Write(content); err != nil {
		_ = file.Close()
		return fmt.Errorf("write: %w", err)
	}
	w.made = append(w.made, path)
	return file.Close()
}

// lay replaces a file in a folder of its own at once: the container that reads it
// may be running.
func (w *writer) lay(path, content string) error {
	if err := w.folder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		return fmt.Errorf("write as user %d: %w", os.Getuid(), err)
	}
	return os.Rename(path+".new", path)
}
