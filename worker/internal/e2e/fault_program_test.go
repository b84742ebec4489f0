package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// behind puts a proxy between a server and the programs that start from now on,
// which find the server by an environment variable.
func (l *lab) behind(variable, server string) *proxy {
	l.t.Helper()
	p, url := between(l.t, server)
	l.env = append(l.env, variable+"="+url)
	return p
}

// sprung waits for a trap.
func (l *lab) sprung(trap *trap) {
	l.t.Helper()
	select {
	case <-trap.sprung:
	case <-time.After(deadline):
		l.t.Fatalf("no request with %q has come", trap.text)
	}
}

var listening = regexp.MustCompile(`"address":"([^"]+)"[^\n]*"message":"serving`)

// address is where a program listens; empty while it does not.
func (p *program) address() string {
	found := listening.FindStringSubmatch(p.log.String())
	if found == nil {
		return ""
	}
	return found[1]
}

// metric sums up a worker's counters of a name whose labels include all the given
// ones, written as label="value". It is 0 while the worker does not listen yet.
func (p *program) metric(name string, labels ...string) float64 {
	p.t.Helper()
	res, err := http.Get("http://" + p.address() + "/metrics")
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	jobstest.Must(p.t, err)
	total := 0.0
	for line := range strings.Lines(string(text)) {
		if series, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && matches(series, name, labels) {
			n, err := strconv.ParseFloat(value, 64)
			jobstest.Must(p.t, err)
			total += n
		}
	}
	return total
}

func matches(series, name string, labels []string) bool {
	own, _, _ := strings.Cut(series, "{")
	for _, label := range labels {
		if !strings.Contains(series, label) {
			return false
		}
	}
	return own == name
}

// attempts counts the attempts at jobs of a kind that ended in one way.
func (p *program) attempts(kind jobs.Kind, outcome string) float64 {
	return p.metric("sponsorsync_jobs_processed_total", fmt.Sprintf("kind=%q", kind), fmt.Sprintf("outcome=%q", outcome))
}

// ready waits until a program listens.
func (p *program) ready() *program {
	p.t.Helper()
	jobstest.Eventually(p.t, deadline, func() bool { return p.address() != "" })
	return p
}
