package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/config"
)

var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%5.2f", "%t", "%c", "%U", "%10s"}

func TestSettingsNeverPrintSecrets(t *testing.T) {
	t.Parallel()
	e := read(t, config.EncryptionKey+"="+key32, "SPONSORSYNC_API_TOKEN="+token32+"hunter2", "SPONSORSYNC_HOOK_SECRET="+hookSecret,
		"globalSettings__installation__key=hunter2key", "REDIS_URL=redis://user:hunter2redis@redis:6379/0?client_name=hunter2query",
		"NATS_URL=nats://hunter2nats@a:4222,nats://u:hunter2nats@b:4222")
	s, err := config.LoadServer(e)
	if err != nil {
		t.Fatal(err)
	}
	w, err := config.LoadWorker(e)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := zerolog.New(&log)
	for _, settings := range []any{s, &s, w, &w, e, s.APIToken, s.HookSecrets, w.EncryptionKeys, w.Redis.URL, w.NATS.URL, []any{w.Cloud}} {
		logger.Info().Any("settings", settings).Interface("again", settings).Send()
		encoded, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		requireNoSecret(t, "json", string(encoded))
		for _, verb := range verbs {
			requireNoSecret(t, verb, fmt.Sprintf(verb, settings))
		}
	}
	requireNoSecret(t, "zerolog", log.String())
}

func requireNoSecret(t *testing.T, how, printed string) {
	t.Helper()
	hexed := func(s string) string { return fmt.Sprintf("%x", s) }
	for _, secret := range []string{"hunter2", hexed("hunter2"), key32, "0123456789abcdef0123456789abcdef", hexed("0123456789abcdef"), hookSecret, hexed(hookSecret)} {
		if strings.Contains(strings.ToLower(printed), strings.ToLower(secret)) {
			t.Errorf("%s prints a secret: %s", how, printed)
		}
	}
}

func TestTheReadTokenIsAnotherOne(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef0123456789abcdef"
	_, err := config.LoadServer(read(t, "SPONSORSYNC_API_TOKEN="+token, "SPONSORSYNC_READ_TOKEN="+token, "SPONSORSYNC_ENCRYPTION_KEY="+key32))
	if got := names(faults(t, err)); got != "SPONSORSYNC_READ_TOKEN" {
		t.Errorf("got faults %q", got)
	}
}
