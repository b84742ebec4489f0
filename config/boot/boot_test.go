package boot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

func TestStatusAndReport(t *testing.T) {
	t.Parallel()
	settings := &config.Error{Faults: []config.Fault{{Name: "A", Message: "is wrong"}, {Name: "B", Message: "is missing"}}}
	tests := map[string]struct {
		err    error
		status int
		says   string
	}{
		"nothing":     {nil, boot.Done, ""},
		"usage":       {&boot.UsageError{Faults: []string{"no flag --x"}, Hint: "run 'worker --help'"}, boot.Usage, "error: no flag --x\nhint: run 'worker --help'\n"},
		"settings":    {fmt.Errorf("start: %w", settings), boot.Usage, "error: A: is wrong\nerror: B: is missing\nhint: set these in the environment"},
		"an env file": {&config.Error{Faults: []config.Fault{{Name: "x.env", Message: "is not there", EnvFile: true}}}, boot.Usage, "error: x.env: is not there\nhint: correct the env file, or its name"},
		"fault":       {fault.New(fault.QueueUnavailable, "no Redis"), boot.Failed, "error: queue_unavailable: no Redis\nhint: " + fault.QueueUnavailable.Hint()},
		"interrupted": {context.Canceled, boot.Failed, "error: interrupted\n"},
		"other":       {errors.New("disk full"), boot.Failed, "error: disk full\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			boot.Report(&out, tt.err)
			if got := boot.Status(tt.err); got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
			if !strings.HasPrefix(out.String(), tt.says) || tt.says == "" && out.Len() > 0 {
				t.Errorf("printed %q, want %q", out.String(), tt.says)
			}
		})
	}
}

// A setting that passed its check and that the client refuses nevertheless is
// wrong configuration, named, and shows no password.
func TestARefusedSettingIsNamed(t *testing.T) {
	t.Parallel()
	const password = "hunter2"
	_, redisErr := boot.Redis(config.Redis{URL: "redis://:" + password + "@localhost/0?foo=" + password})
	_, sealerErr := boot.Sealer(config.Keyring{"short"})
	for name, err := range map[string]error{"REDIS_URL": redisErr, config.EncryptionKey: sealerErr} {
		settings, ok := errors.AsType[*config.Error](err)
		if !ok || settings.Faults[0].Name != name || boot.Status(err) != boot.Usage {
			t.Errorf("%s: got %v", name, err)
		} else if strings.Contains(err.Error(), password) {
			t.Errorf("%v shows the password", err)
		}
	}
}

func TestSealerWithoutKeys(t *testing.T) {
	t.Parallel()
	if sealer, err := boot.Sealer(nil); sealer != nil || err != nil {
		t.Errorf("got %v, %v", sealer, err)
	}
}

func TestLogger(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"json": `"message":"shown"`, "console": "shown"} {
		var out bytes.Buffer
		log := boot.Logger(config.Log{Level: "warn", Format: format}, &out)
		log.Info().Msg("hidden")
		log.Warn().Msg("shown")
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "hidden") {
			t.Errorf("%s: %s", format, &out)
		}
	}
}
