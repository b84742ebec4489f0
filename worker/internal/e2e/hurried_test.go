package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// hurried are the settings of a worker at 1:50; [patches] are what no setting changes.
// asynq's own times stay, and what is measured by them: a server's beat every 5 s, from
// which it follows when a job counts as nobody's and a worker as gone, and delays in
// whole seconds.
var hurried = []string{
	"SPONSORSYNC_CLOUD_TIMEOUT=2s", "SPONSORSYNC_CLOUD_GRACE=6s", "SPONSORSYNC_SWEEP_INTERVAL=300ms",
	"SPONSORSYNC_RETRY_BASE=40ms", "SPONSORSYNC_RETRY_MAX=72s", "SPONSORSYNC_SYNC_INTERVAL=29m",
}

// patch is a line of the source that a worker under test is built with another text
// of. The file is of this module, or of Go itself.
type patch struct{ file, was, is string }

// patches make the fixed times of a worker 50 times shorter, and let its clock go
// wrong by SKEW (a Go duration in whole seconds), for all that runs in the program.
func patches() ([]patch, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("ask where Go's own source is: %w", err)
	}
	goTime := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	return []patch{
		{"worker/internal/ledger/lease.go", "LeaseLife = 15 * time.Second", "LeaseLife = 15 * time.Second / 50"},
		{"worker/work.go", "stuckAfter = 10 * time.Second", "stuckAfter = 10 * time.Second / 50"},
		{goTime, "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {\n\t\treturn Time{uint64(nsec), sec + unixToInternal, Local}",
			"\tsec, nsec, mono := runtimeNow()\n\tsec += skew()\n\tif mono == 0 {\n\t\treturn Time{uint64(nsec), sec + unixToInternal, Local}"},
		{goTime, "func unixTime(", `var skewed struct {
	done bool
	by   int64
}

func skew() int64 {
	if !skewed.done {
		text, _ := syscall.Getenv("SKEW")
		d, _ := ParseDuration(text)
		skewed.by, skewed.done = int64(d/Second), true
	}
	return skewed.by
}

func unixTime(`},
		{goTime, "import (\n", "import (\n\t\"syscall\"\n"},
	}, nil
}

// hurry builds a worker with the patches, once, and returns its path.
var hurry = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(binaries, "hurried")
	overlay, err := overlaid(dir)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "worker")
	out, err := exec.Command("go", "build", "-overlay", overlay, "-o", path, "github.com/sponsorsync/sponsorsync/worker").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build a hurried worker: %w\n%s", err, out)
	}
	return path, nil
})

// overlaid writes the patched files below dir, and the list of them for the compiler.
func overlaid(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	all, err := patches()
	if err != nil {
		return "", err
	}
	top, err := filepath.Abs("../../..")
	if err != nil {
		return "", err
	}
	replaced := map[string]string{}
	for _, p := range all {
		file := p.file
		if !filepath.IsAbs(file) {
			file = filepath.Join(top, file)
		}
		to := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(file, "/"), "/", "_"))
		source := file
		if replaced[file] != "" {
			source = to
		}
		if err := p.apply(source, to); err != nil {
			return "", err
		}
		replaced[file] = to
	}
	list, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

func (p patch) apply(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if strings.Count(string(text), p.was) != 1 {
		return fmt.Errorf("%s does not hold once: %s", p.file, p.was)
	}
	return os.WriteFile(to, []byte(strings.Replace(string(text), p.was, p.is, 1)), 0o600)
}

// hurriedWorker starts one whose clock is wrong by a duration in whole seconds.
func (s *system) hurriedWorker(skew string) *program {
	s.t.Helper()
	path, err := hurry()
	jobstest.Must(s.t, err)
	return s.launch(exec.Command(path), append(slices.Clone(s.env), "SKEW="+skew))
}

func TestPatchesFit(t *testing.T) {
	t.Parallel()
	_, err := overlaid(t.TempDir())
	jobstest.Must(t, err)
}
