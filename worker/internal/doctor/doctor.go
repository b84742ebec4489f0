// Package doctor is the preflight: the steps of the set-up guide as checks, so
// that somebody with a fresh installation learns what is wrong before the first
// sync does, and what to do about it.
//
// The checks look and never act: none of them starts a sync, enqueues a job,
// creates a stream or changes a file; what Redis is asked to keep, to see whether it
// does, expires at once. The one thing that the cloud notices is a request for a token,
// if no worker shares one; it is left to the workers. While cloud communication is
// switched off nothing is called there at all. No check ever shows a secret.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sponsorsync/sponsorsync/config"
)

// Status is how a check ended.
type Status string

// The statuses. Only Fail makes the preflight fail.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Check is the result of one check.
type Check struct {
	Name   string `json:"name"` // unique in a report, stable between releases
	Status Status `json:"status"`
	Detail string `json:"detail"`         // what was found
	Hint   string `json:"hint,omitempty"` // what to do; empty if nothing
}

// Params say what to check.
type Params struct {
	Settings  config.Worker  // as far as they were understood
	Faults    []config.Fault // what was not
	Unknown   []string       // names that look like settings of ours and are none
	Unheeded  []string       // Go's own names that stand in an env file alone
	Now       func() time.Time
	Transport *http.Transport // to the cloud; nil is Go's default, which knows HTTPS_PROXY
}

// probeTimeout bounds each check: less than anybody waits, more than a healthy
// server needs.
const probeTimeout = 5 * time.Second

// Main checks the settings of an environment and prints the report. It returns
// false if a check failed; an error only if the report could not be printed.
func Main(ctx context.Context, env config.Environ, jsonOut bool, stdout io.Writer) (bool, error) {
	p := Params{Unknown: env.Unknown(), Unheeded: env.Unheeded(), Now: time.Now}
	var err error
	p.Settings, err = config.LoadWorker(env)
	if invalid, ok := errors.AsType[*config.Error](err); ok {
		p.Faults = invalid.Faults
	} else if err != nil {
		return false, fmt.Errorf("read settings: %w", err)
	}
	checks := Run(ctx, p)
	write := WriteText
	if jsonOut {
		write = WriteJSON
	}
	return Passed(checks), write(stdout, checks)
}

// Run makes all checks and returns them in the order of the guide. What depends
// on a check that failed is not tried and says so.
func Run(ctx context.Context, p Params) []Check {
	d := &doctor{p}
	var cloud, redis, nats, local, connections []Check
	var running sync.WaitGroup
	running.Go(func() { cloud = d.cloud(ctx) })
	running.Go(func() { redis, connections = d.redis(ctx) })
	running.Go(func() { nats = d.nats(ctx) })
	running.Go(func() { local = d.local() })
	running.Wait()
	return slices.Concat(d.configuration(), cloud, redis, nats, local, connections)
}

// Passed reports whether no check failed.
func Passed(checks []Check) bool {
	return !slices.ContainsFunc(checks, failed)
}

type doctor struct{ Params }

// configuration lists what is wrong with the settings, all at once.
func (d *doctor) configuration() []Check {
	var checks []Check
	for _, f := range d.Faults {
		checks = append(checks, bad("setting "+f.Name, "Correct it in the environment or the env file, then restart the worker.", "%s", f.Message))
	}
	if len(d.Unknown) > 0 {
		checks = append(checks, doubtful("unknown settings", "Look for typing errors; the README lists the settings there are.",
			"nothing reads %s", strings.Join(d.Unknown, ", ")))
	}
	if len(d.Unheeded) > 0 {
		checks = append(checks, doubtful("unheeded settings", "Set it in the worker's real environment (export, systemd's Environment=, compose's env_file).",
			"an env file sets %s, which Go reads from the real environment alone", strings.Join(d.Unheeded, ", ")))
	}
	if len(checks) == 0 {
		return []Check{good("settings", "all are understood")}
	}
	return checks
}

func good(name, format string, args ...any) Check {
	return Check{Name: name, Status: OK, Detail: fmt.Sprintf(format, args...)}
}

func doubtful(name, hint, format string, args ...any) Check {
	return Check{Name: name, Status: Warn, Detail: fmt.Sprintf(format, args...), Hint: hint}
}

func bad(name, hint, format string, args ...any) Check {
	return Check{Name: name, Status: Fail, Detail: fmt.Sprintf(format, args...), Hint: hint}
}

// skipped are the checks that cannot be made, and why.
func skipped(why string, names ...string) []Check {
	checks := make([]Check, len(names))
	for i, name := range names {
		checks[i] = doubtful(name, "", "not checked: %s", why)
	}
	return checks
}

func failed(c Check) bool { return c.Status == Fail }
