package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/redisrights"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// restrict makes a user of Redis with no rights but these, whom all programs use from then on.
func (s *system) restrict(rule string) {
	s.t.Helper()
	args := []any{"acl", "setuser", "sponsorsync", "reset", "on", ">secret"}
	for word := range strings.FieldsSeq(rule) {
		args = append(args, word)
	}
	jobstest.Must(s.t, s.rdb.Do(s.t.Context(), args...).Err())
	s.env = append(s.env, "REDIS_URL="+strings.Replace(s.redis.URL, "redis://", "redis://sponsorsync:secret@", 1))
}

// doctor returns its checks as text.
func (s *system) doctor() string {
	s.t.Helper()
	p := s.run("worker", "doctor")
	<-p.done
	return p.log.String()
}

// requireNothingDenied reads what Redis has refused anybody.
func (s *system) requireNothingDenied() {
	s.t.Helper()
	denied := jobstest.Value(s.rdb.ACLLog(s.t.Context(), 100).Result())(s.t)
	for _, d := range denied {
		s.t.Errorf("Redis denied %s (%s)", d.Object, d.Reason)
	}
}

// Everything that somebody does in a month, by a user that may do just what is used.
func TestLeastRightsOfRedisAreEnough(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.restrict(redisrights.Rule())
	s.worker()
	serve := s.run("producer", "serve")
	for n := range 3 {
		s.producer("", "redeem", "--org", string(org), "--user", string(user(n)), "--email", address(n)).ok()
	}
	s.producer("", "sync", "--org", string(org), "--wait").ok()
	s.await(sponsorship.Sent, 3)
	of := []string{"--org", string(org)}
	one := append(slices.Clone(of), "--user", string(user(0)))
	for _, c := range [][]string{
		append([]string{"change-sponsorship", "--name", "Mum", "--wait"}, one...),
		{"status"}, append([]string{"status"}, of...), append([]string{"jobs", "list"}, of...), {"pause"}, {"resume"},
		append([]string{"pause"}, of...), append([]string{"resume"}, of...), append([]string{"export"}, of...), {"rekey"},
		append([]string{"change-sponsorship", "--revoke", "--wait"}, one...), append([]string{"forget", "--yes"}, one...),
		append([]string{"sync-license"}, of...),
	} {
		s.producer("", c...).ok()
	}
	base := "http://" + serve.ready().address()
	for _, path := range []string{"/readyz", "/metrics", "/", "/v1/status", "/v1/jobs", "/v1/organizations"} {
		r := jobstest.Value(http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil))(t)
		r.Header.Set("Authorization", "Bearer "+apiToken)
		response := jobstest.Value(http.DefaultClient.Do(r))(t)
		_ = response.Body.Close()
		jobstest.Equal(t, path, response.StatusCode, http.StatusOK)
	}
	if report := s.doctor(); !strings.Contains(report, "redis rights") || !strings.Contains(report, ", 0 failed") {
		t.Errorf("doctor says\n%s", report)
	}
	s.producer("", "disconnect", "--org", string(org), "--withdraw", "--forget", "--yes").ok()
	s.requireNothingDenied()
}

// INFO and CONFIG are often kept from users: they are for looking, and everything works.
func TestWithoutTheRightsToLook(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.restrict(redisrights.Rule() + " -info -config|get -memory|usage")
	s.worker()
	s.producer("", "redeem", "--org", string(org), "--user", string(user(1)), "--email", address(1)).ok()
	s.producer("", "sync", "--org", string(org), "--wait").ok()
	s.await(sponsorship.Sent, 1)
	report := s.doctor()
	words := strings.Join(strings.Fields(report), " ")
	for _, name := range []string{"version", "persistence", "durability", "eviction", "role"} {
		if !strings.Contains(words, "warn redis "+name+" cannot be seen: this user may not ask (INFO)") {
			t.Errorf("%s: doctor says\n%s", name, report)
		}
	}
	if !strings.Contains(report, ", 0 failed") {
		t.Errorf("a false alarm\n%s", report)
	}
}

func TestDoctorNamesTheRightsThatAreMissing(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.restrict(redisrights.Rule() + " -zadd -blmove resetkeys ~sponsorsync:*")
	want := "fail redis rights this user lacks +blmove +zadd ~asynq:* -> Add it in Redis with ACL SETUSER"
	if report := s.doctor(); !strings.Contains(strings.Join(strings.Fields(report), " "), want) {
		t.Errorf("doctor says\n%s", report)
	}
}
