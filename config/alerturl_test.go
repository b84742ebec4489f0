package config_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
)

// Whoever is told must be able to tell us from others, and the way there be private.
func TestAlertURL(t *testing.T) {
	t.Parallel()
	const name, secret = "SPONSORSYNC_ALERT_URL", "SPONSORSYNC_HOOK_SECRET"
	for value, want := range map[string]string{
		"https://u:p@alerts.example/x?token=1": secret, "http://127.0.0.1:9/x": secret,
		"http://alerts.example/x": name, "alerts.example": name,
	} {
		_, err := config.LoadServer(read(t, config.EncryptionKey+"="+key32, "SPONSORSYNC_API_TOKEN="+token32, name+"="+value))
		if got := names(faults(t, err)); got != want {
			t.Errorf("%s: got faults %q, want %q", value, got, want)
		}
	}
}
