package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRunWiresArgumentsAndStreams(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args, environ []string
		status        int
		out, err      string
	}{
		"version": {args: []string{"--version"}, out: "producer version "},
		"usage":   {args: []string{"sync"}, status: 2, err: "error: --org is missing; it is a UUID"},
		"configuration": {
			args: []string{"serve"}, environ: []string{"REDIS_URL=wrong"}, status: 2, err: "error: REDIS_URL: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, stderr bytes.Buffer
			status := run(t.Context(), process{
				args: test.args, environ: test.environ, stdin: strings.NewReader(""), stdout: &out, stderr: &stderr,
			})
			if status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			if !strings.Contains(out.String(), test.out) || !strings.Contains(stderr.String(), test.err) {
				t.Errorf("stdout: %s\nstderr: %s", out.String(), stderr.String())
			}
		})
	}
}
