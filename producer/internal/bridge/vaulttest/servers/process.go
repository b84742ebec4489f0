package servers

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// dirVariable names the directory of servers that are there already.
const dirVariable = "SPONSORSYNC_TEST_DATABASES"

const (
	startTimeout = 2 * time.Minute // generous: it costs nothing when all is well
	pollEvery    = 10 * time.Millisecond
)

// ours are the servers of this process: many tests share them, and none may end them.
var ours = sync.OnceValues(func() (*process, error) {
	if dir := os.Getenv(dirVariable); dir != "" {
		return &process{dir: dir}, nil
	}
	return start()
})

// process is a run of scripts/databases.sh.
type process struct {
	dir string
	// lifeline is the script's standard input. The system closes it when the test's
	// process is gone, and then the script ends the servers.
	lifeline io.Closer
}

func start() (*process, error) {
	script, err := findScript()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(shortTemp(), "sponsorsync-databases-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the test databases: %w", err)
	}
	command := exec.Command("bash", script, dir)
	lifeline, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the test databases: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the test databases: %w", err)
	}
	return &process{dir: dir, lifeline: lifeline}, nil
}

// shortTemp returns where the servers may live. As root they run as somebody else,
// who can't enter a directory of root's own.
func shortTemp() string {
	if os.Getuid() == 0 {
		return "/tmp"
	}
	return os.TempDir()
}

// running waits until a server takes connections, and returns its port.
func running(t testing.TB, server string) (*process, int) {
	t.Helper()
	p, err := ours()
	if err != nil {
		t.Fatal(err)
	}
	port, err := p.port(server)
	if err != nil {
		t.Fatal(err)
	}
	return p, port
}

// findScript looks for it from the directory of the test's package upwards.
func findScript() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "scripts", "databases.sh"), nil
		}
	}
	return "", errors.New("find scripts/databases.sh: no go.mod in any directory above this one")
}

func (p *process) port(server string) (int, error) {
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(pollEvery) {
		text, err := os.ReadFile(filepath.Join(p.dir, server+".port"))
		if err == nil {
			return strconv.Atoi(strings.TrimSpace(string(text)))
		}
		if _, err := os.Stat(filepath.Join(p.dir, "failed")); err == nil {
			return 0, fmt.Errorf("start %s: it failed; its logs are in %s; has scripts/setup.sh run?", server, p.dir)
		}
	}
	return 0, fmt.Errorf("start %s: it took no connections within %s; its logs are in %s", server, startTimeout, p.dir)
}
