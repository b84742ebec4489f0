package e2e_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// release is where the two programs of one are.
type release struct{ worker, producer string }

// previousRelease builds the programs of scripts/previous-release.
func previousRelease(t *testing.T) release {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	commit := strings.TrimSpace(string(jobstest.Value(os.ReadFile(filepath.Join(root, "scripts", "previous-release")))(t)))
	if err := exec.Command("git", "-C", root, "cat-file", "-e", commit+"^{commit}").Run(); err != nil {
		t.Skipf("the commit of scripts/previous-release is not here: no git, or a shallow copy without it (%v)", err)
	}
	dir := t.TempDir()
	source, out := filepath.Join(dir, "source.tar"), filepath.Join(dir, "previous")
	for _, args := range [][]string{
		{"git", "-C", root, "archive", "--output", source, commit},
		{"tar", "-xf", source, "-C", dir},
		{"mkdir", out},
		{"go", "build", "-C", dir, "-o", out + "/", "./worker", "./producer"},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return release{filepath.Join(out, "worker"), filepath.Join(out, "producer")}
}

// Both releases run at once, as in every update: what one has begun the other ends,
// and nobody is mailed twice.
func TestBesideThePreviousRelease(t *testing.T) {
	if !long() {
		t.Skip("make faults runs it: it builds that release first")
	}
	t.Parallel()
	before := previousRelease(t)
	l := setupFaults(t, 1, hasty...)
	previous := l.system.run(before.worker).ready()
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

// Programs are updated one by one, and an update is taken back.
func TestEachProgramWorksWithThePreviousReleaseOfTheOther(t *testing.T) {
	if !long() {
		t.Skip("make faults runs it: it builds that release first")
	}
	t.Parallel()
	before := previousRelease(t)
	newer := base64.StdEncoding.EncodeToString([]byte("another key of just 32 bytes, so"))
	older := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	s := start(t, "SPONSORSYNC_ENCRYPTION_KEY="+newer+","+older)
	today := release{filepath.Join(binaries, "worker"), filepath.Join(binaries, "producer")}
	redeem := func(from release, n int) {
		t.Helper()
		s.command(from.producer, "", "redeem", "--org", string(org), "--user", string(user(n)), "--email", address(n)).ok() // to wait is to read, which an older release may not be able to
	}
	s.command(before.producer, "", "connect", "--org", string(org), "--cloud-org", s.remote.ID, "--token-file", s.tokenFile()).ok()

	w := s.run(before.worker).ready()
	s.command(today.producer, "", "sync", "--org", string(org), "--wait").ok()
	redeem(today, 0)
	s.await(sponsorship.Sent, 1)
	w.stop()
	w = s.run(today.worker).ready()
	redeem(before, 1)
	s.command(today.producer, "", "rekey").ok() // while it runs
	redeem(today, 2)
	s.await(sponsorship.Sent, 3)
	w.stop()
	w = s.run(before.worker).ready() // rolled back
	redeem(before, 3)
	s.await(sponsorship.Sent, 4)
	w.stop()
	s.checkMails(4)
	for id, story := range s.stream().stories {
		if got := path(story); !slices.Equal(got, []sponsorship.Status{sponsorship.Pending, sponsorship.Sent}) {
			t.Errorf("the story of %s is %v", id, got)
		}
	}
}

// tokenFile holds the billing sync token.
func (s *system) tokenFile() string {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "token")
	jobstest.Must(s.t, os.WriteFile(file, []byte(s.remote.BillingSyncKey), 0o600))
	return file
}
