package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// dataDir is the folder of Redis' append-only file.
func (s *system) dataDir() string {
	s.t.Helper()
	return filepath.Join(jobstest.Value(s.rdb.ConfigGet(s.t.Context(), "dir").Result())(s.t)["dir"], "appendonlydir")
}

// backUp copies the data folder of a Redis that runs, as the runbook says, and returns
// what puts it back under one that was stopped.
func (s *system) backUp() (putBack func()) {
	s.t.Helper()
	dir, kept := s.dataDir(), s.t.TempDir()
	jobstest.Must(s.t, s.rdb.ConfigSet(s.t.Context(), "auto-aof-rewrite-percentage", "0").Err())
	jobstest.Must(s.t, os.CopyFS(kept, os.DirFS(dir)))
	return func() {
		s.t.Helper()
		s.redis.Kill()
		jobstest.Must(s.t, os.RemoveAll(dir))
		jobstest.Must(s.t, os.CopyFS(dir, os.DirFS(kept)))
		s.redis.Restart()
	}
}

func (s *system) ask(command string, n int, more ...string) {
	s.t.Helper()
	s.producer("", append([]string{command, "--org", string(org), "--user", string(user(n))}, more...)...).ok()
}

// The restore drill of scripts/RUNBOOK.md: one offer was there before the copy (0), one was
// withdrawn after it (1), one was made after it (2). Who is mailed once more?
func TestRestoringAnOlderCopyOfRedis(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		drilled bool
		mails   [3]int
		removed int64
	}{
		"as the runbook says": {true, [3]int{1, 1, 1}, 1},
		"left alone":          {false, [3]int{1, 2, 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, hasty...)
			w := s.worker()
			s.ask("redeem", 0, "--email", address(0))
			s.ask("redeem", 1, "--email", address(1))
			s.producer("", "sync", "--org", string(org), "--wait").ok()
			s.await(sponsorship.Sent, 2)
			putBack := s.backUp()
			s.ask("change-sponsorship", 1, "--revoke", "--wait")
			s.ask("redeem", 2, "--email", address(2), "--wait")
			w.stop()

			putBack()
			s.producer("", "pause").ok()
			s.worker()
			if c.drilled {
				s.ask("change-sponsorship", 1, "--revoke")
				s.ask("redeem", 2, "--email", address(2))
			}
			s.producer("", "resume").ok()
			s.producer("", "sync", "--org", string(org), "--wait").ok()
			if !c.drilled {
				s.ask("redeem", 2, "--email", address(2), "--wait")
			}
			s.await(sponsorship.Sent, 3-c.removed)
			s.await(sponsorship.Removed, c.removed)
			for n, want := range c.mails {
				if got := len(s.cloud.MailsTo(address(n))); got != want {
					t.Errorf("%s was mailed %d times, want %d", address(n), got, want)
				}
			}
		})
	}
}
