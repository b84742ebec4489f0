package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines collects a program's output and can be read while it runs.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestConfigurationFaultsAreReportedAllAtOnce(t *testing.T) {
	t.Parallel()
	var errs lines
	status := run(t.Context(), nil, []string{
		"globalSettings__enableCloudCommunication=perhaps", "SPONSORSYNC_CONCURRENCY=0", "REDIS_URL=ftp://x",
	}, streams{out: &lines{}, err: &errs})
	if status != boot.Usage {
		t.Errorf("status %d, want %d", status, boot.Usage)
	}
	for _, name := range []string{"globalSettings__enableCloudCommunication", "SPONSORSYNC_CONCURRENCY", "REDIS_URL", "SPONSORSYNC_ENCRYPTION_KEY"} {
		if !strings.Contains(errs.String(), name) {
			t.Errorf("%s is not named in:\n%s", name, errs.String())
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--help"}, boot.Done, "NATS JetStream"},
		{[]string{"--version"}, boot.Done, "worker version"},
		{[]string{"--nonsense"}, boot.Usage, "nonsense"},
		{[]string{"surplus"}, boot.Usage, "surplus"},
		{[]string{"--env-file", "does-not-exist.env"}, boot.Usage, "does-not-exist.env"},
		{[]string{"healthcheck"}, boot.Failed, "nothing listens at 127.0.0.1:1 (SPONSORSYNC_WORKER_LISTEN)"},
		{[]string{"doctor", "--help"}, boot.Done, "changes nothing"},
	} {
		var out, errs lines
		if got := run(t.Context(), c.args, []string{"SPONSORSYNC_WORKER_LISTEN=127.0.0.1:1"}, streams{out: &out, err: &errs}); got != c.status {
			t.Errorf("%v: status %d, want %d\n%s", c.args, got, c.status, errs.String())
		}
		if text := out.String() + errs.String(); !strings.Contains(text, c.says) {
			t.Errorf("%v does not say %q:\n%s", c.args, c.says, text)
		}
	}
}

// Not parallel: a worker sets go-redis's one logger.
func TestRedisAwayAtTheStartIsSaid(t *testing.T) {
	var errs lines
	status := run(t.Context(), nil, append(environment(t, nil), "REDIS_URL=redis://127.0.0.1:1/0"), streams{out: &lines{}, err: &errs})
	if status != boot.Failed || !strings.Contains(errs.String(), "Redis at redis://127.0.0.1:1/0: connect") || !strings.Contains(errs.String(), "REDIS_URL is right") {
		t.Errorf("status %d\n%s", status, errs.String())
	}
}

// Not parallel: a worker sets go-redis's one logger.
func TestARedisURLThatTheClientRefusesIsWrongConfiguration(t *testing.T) {
	var errs lines
	status := run(t.Context(), nil, append(environment(t, nil), "REDIS_URL=redis://localhost/0?foo=bar"), streams{out: &lines{}, err: &errs})
	if status != boot.Usage || !strings.Contains(errs.String(), "REDIS_URL") {
		t.Errorf("status %d\n%s", status, errs.String())
	}
}

// encryptionKey is of 32 bytes, and not so plain that a program would refuse it.
const encryptionKey = "0123456789abcdef0123456789abcdef"

func environment(t *testing.T, stack *jobstest.Stack) []string {
	t.Helper()
	env := []string{
		"SPONSORSYNC_ENCRYPTION_KEY=" + base64.StdEncoding.EncodeToString([]byte(encryptionKey)),
		"SPONSORSYNC_WORKER_LISTEN=127.0.0.1:0", "SPONSORSYNC_LICENSE_DIR=" + t.TempDir(), "SPONSORSYNC_SHUTDOWN_TIMEOUT=5s",
	}
	if stack != nil {
		env = append(env, "REDIS_URL="+stack.RedisURL(), "NATS_URL="+stack.NATSURL())
	}
	return env
}

// Not parallel: a worker sets go-redis's one logger.
func TestProbesAndMetrics(t *testing.T) {
	stack, err := jobstest.Start(jobstest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs lines
	status := make(chan int, 1)
	go func() { status <- run(ctx, nil, environment(t, stack), streams{out: &lines{}, err: &errs}) }()

	var address string
	jobstest.Eventually(t, jobstest.Timeout, func() bool {
		found := regexp.MustCompile(`"address":"([^"]+)"`).FindStringSubmatch(errs.String())
		if found != nil {
			address = found[1]
		}
		return found != nil
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (int, string) {
		response, err := client.Get("http://" + address + path)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		var body bytes.Buffer
		_, _ = body.ReadFrom(response.Body)
		return response.StatusCode, body.String()
	}
	jobstest.Eventually(t, jobstest.Timeout, func() bool { code, _ := get("/readyz"); return code == http.StatusOK })
	if code, _ := get("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: %d", code)
	}
	if got := run(t.Context(), []string{"healthcheck"}, []string{"SPONSORSYNC_WORKER_LISTEN=" + address}, streams{out: &lines{}, err: &errs}); got != boot.Done {
		t.Errorf("healthcheck of a worker that is ready: status %d\n%s", got, errs.String())
	}
	_, metrics := get("/metrics")
	for _, name := range []string{"sponsorsync_queue_depth", "sponsorsync_outbox_depth 0", "sponsorsync_cloud_limiter_wait_seconds", "sponsorsync_queue_oldest_pending_seconds"} {
		if !strings.Contains(metrics, name) {
			t.Errorf("no %s in the metrics", name)
		}
	}
	cancel()
	if got := <-status; got != boot.Done {
		t.Errorf("status %d after a signal\n%s", got, errs.String())
	}
}
