package license_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
	"github.com/sponsorsync/sponsorsync/worker/internal/license"
)

func parse(t *testing.T, raw string) license.Document {
	t.Helper()
	d, err := license.Parse(json.RawMessage(raw))
	jobstest.Must(t, err)
	return d
}

func TestWriteKeepsEverythingButTheCase(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	store := license.NewStore(dir)
	jobstest.Must(t, store.Write(org, parse(t, `{"version":15,"use2fa":true,"big":12345678901234567890.10e+3,`+
		`"name":"<Ä> & \u00e9","future":{"inner":[1.0, {"deep":null}]},"seats":null,"Plan":"x"}`)))
	path := filepath.Join(dir, "organization", string(org)+".json")
	got, err := os.ReadFile(path)
	jobstest.Must(t, err)
	want := `{
  "Version": 15,
  "Use2fa": true,
  "Big": 12345678901234567890.10e+3,
  "Name": "<Ä> & \u00e9",
  "Future": {
    "inner": [
      1.0,
      {
        "deep": null
      }
    ]
  },
  "Seats": null,
  "Plan": "x"
}`
	if string(got) != want || store.Path(org) != path {
		t.Errorf("got %s:\n%s\nwant:\n%s", store.Path(org), got, want)
	}
	for name, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		info, err := os.Stat(name)
		jobstest.Must(t, err)
		if info.Mode() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), mode)
		}
	}
}

// A file that was written is one that can be checked again.
func TestWriteRoundTrip(t *testing.T) {
	t.Parallel()
	b := setup(t)
	store := license.NewStore(t.TempDir())
	d, err := b.check(b.issue(t, cloudtest.LicenseMode{NoToken: true}))
	jobstest.Must(t, err)
	jobstest.Must(t, store.Write(org, d))
	raw, err := os.ReadFile(store.Path(org))
	jobstest.Must(t, err)
	_, err = b.check(raw)
	jobstest.Must(t, err)
}

// At every step of a write, what a crash there would leave is the old file or
// the new one, whole; and a write that fails leaves nothing else behind.
func TestWriteIsAllOrNothing(t *testing.T) {
	t.Parallel()
	before, after := "{\n  \"Version\": 1\n}", "{\n  \"Version\": 2\n}"
	steps := []string{"created", "written", "flushed", "renamed"}
	for _, broken := range append(steps, "") {
		dir := t.TempDir()
		store := license.NewStore(dir)
		jobstest.Must(t, store.Write(org, parse(t, `{"version":1}`)))
		var seen []string
		disk := errors.New("disk full")
		store.OnStep(func(done string) error {
			seen = append(seen, done)
			want := before
			if done == "renamed" {
				want = after
			}
			requireFile(t, store.Path(org), want)
			if done == broken {
				return disk
			}
			return nil
		})
		err := store.Write(org, parse(t, `{"version":2}`))
		if broken != "" && !errors.Is(err, disk) || broken == "" && err != nil {
			t.Errorf("broken after %q: got %v", broken, err)
		}
		if broken == "" && !slices.Equal(seen, steps) {
			t.Errorf("steps %v, want %v", seen, steps)
		}
		if broken == "" || broken == "renamed" {
			requireFile(t, store.Path(org), after)
		} else {
			requireFile(t, store.Path(org), before)
		}
		requireAlone(t, store.Path(org))
	}
}

func requireFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	jobstest.Must(t, err)
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func requireAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	jobstest.Must(t, err)
	if len(entries) != 1 {
		t.Errorf("%d files, want the license alone: %v", len(entries), entries)
	}
}

func TestWriteRefusesAPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := license.NewStore(dir).Write("../../etc/passwd", parse(t, `{}`)); err == nil {
		t.Error("a path was accepted as an id")
	}
	requireEmpty(t, dir)
}

func TestProbe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tried, err := license.NewStore(filepath.Join(dir, "a", "b")).Probe()
	jobstest.Must(t, err)
	if tried != dir {
		t.Errorf("tried %s, want %s", tried, dir)
	}
	requireEmpty(t, dir)

	file := filepath.Join(dir, "file")
	jobstest.Must(t, os.WriteFile(file, nil, 0o600))
	if _, err := license.NewStore(file).Probe(); err == nil || !strings.Contains(err.Error(), "license directory") {
		t.Errorf("got %v, want an error: a file stands in the way", err)
	}
}

func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	jobstest.Must(t, err)
	if len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// The server's containers read the file as a user of their own: what they could read
// before they can read after.
func TestAFileKeepsItsOwnerAndMode(t *testing.T) {
	t.Parallel()
	store := license.NewStore(t.TempDir())
	jobstest.Must(t, store.Write(org, parse(t, `{"version":1}`)))
	jobstest.Must(t, os.Chmod(store.Path(org), 0o644))
	if os.Geteuid() == 0 {
		jobstest.Must(t, os.Chown(store.Path(org), 1001, 1002))
	}
	before := jobstest.Value(os.Stat(store.Path(org)))(t)
	jobstest.Must(t, store.Write(org, parse(t, `{"version":2}`)))
	after := jobstest.Value(os.Stat(store.Path(org)))(t)
	jobstest.Equal(t, "mode", after.Mode(), before.Mode())
	jobstest.Equal(t, "owner", owner(after), owner(before))
	jobstest.Equal(t, "content", string(jobstest.Value(os.ReadFile(store.Path(org)))(t)), "{\n  \"Version\": 2\n}")
}

func TestTheServersOwnFolderIsKnown(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]bool{"/opt/bitwarden/bwdata/core/licenses/": true, "bwdata/core/licenses": true, "licenses": false, "/licenses": false} {
		jobstest.Equal(t, dir, license.ServersOwn(dir), want)
	}
}
