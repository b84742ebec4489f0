package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
)

// older keeps a worker of an older release alive, in the registry's own words, until
// it is told to end.
func (l *lab) older() (end func()) {
	l.t.Helper()
	text := jobstest.Value(state.EncodeWorker(state.Worker{ID: "older", Host: "host-of-old", PID: 7}))(l.t)
	beat := func() {
		if at, err := l.rdb.Time(l.t.Context()).Result(); err == nil {
			_ = l.rdb.HSet(l.t.Context(), state.WorkersKey, "older", fmt.Sprintf("%d %s", at.UnixMilli(), text)).Err()
		}
	}
	beat()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				beat()
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// readiness is what /readyz answers.
func (p *program) readiness() (status int, text string) {
	p.t.Helper()
	res := jobstest.Value(http.Get("http://" + p.address() + "/readyz"))(p.t)
	defer res.Body.Close()
	return res.StatusCode, string(jobstest.Value(io.ReadAll(res.Body))(p.t))
}

// A worker that starts beside an older one takes jobs on, and says why it sends
// nothing; once the older one's heartbeat has ended it goes on by itself.
func TestNothingIsSentBesideAnOlderWorker(t *testing.T) {
	t.Parallel()
	l := setupFaults(t, 1, hasty...)
	end := l.older()
	w := l.worker()
	l.redeem(l.orgs[0], 0, 10)
	l.pending()
	l.sync(l.orgs[0])
	if status, text := w.readiness(); status != http.StatusOK || !strings.Contains(text, "host-of-old (pid 7") {
		t.Errorf("/readyz: %d, %s", status, text)
	}
	if out := l.system.producer("", "status", "--org", string(org)).ok().out; !strings.Contains(out, "held back: the worker host-of-old (pid 7") {
		t.Errorf("status does not say what holds everything back:\n%s", out)
	}
	if n := strings.Count(w.log.String(), "nothing is sent to the cloud until it has ended"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
	if sent := l.cloud.Requests(); len(sent) > 0 {
		t.Errorf("%d requests were sent, %s first", len(sent), sent[0].Path)
	}
	end()
	l.jobsDone(deadline)
	l.check()
}

// previousWorker builds the worker of scripts/previous-release.
func previousWorker(t *testing.T) string {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	commit := strings.TrimSpace(string(jobstest.Value(os.ReadFile(filepath.Join(root, "scripts", "previous-release")))(t)))
	if err := exec.Command("git", "-C", root, "cat-file", "-e", commit+"^{commit}").Run(); err != nil {
		t.Skipf("the commit of scripts/previous-release is not here: no git, or a shallow copy without it (%v)", err)
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "source.tar")
	for _, args := range [][]string{
		{"git", "-C", root, "archive", "--output", source, commit},
		{"tar", "-xf", source, "-C", dir},
		{"go", "build", "-C", dir, "-o", filepath.Join(dir, "previous-worker"), "./worker"},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return filepath.Join(dir, "previous-worker")
}

// Both releases run at once, as in every update: what one has begun the other ends,
// and nobody is mailed twice.
func TestBesideThePreviousRelease(t *testing.T) {
	if !long() {
		t.Skip("make faults runs it: it builds that release first")
	}
	t.Parallel()
	path := previousWorker(t)
	l := setupFaults(t, 1, hasty...)
	previous := l.system.run(path).ready()
	l.started()
	l.redeem(l.orgs[0], 0, 20)
	l.worker()
	l.redeem(l.orgs[0], 20, 40)
	l.await(sponsorship.Sent, 40)
	previous.stop()
	l.redeem(l.orgs[0], 40, 60)
	l.jobsDone(deadline)
	l.check()
	l.noneDead()
}
