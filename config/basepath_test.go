package config_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
)

func TestBasePath(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"/sponsorsync": "", "/apps/sponsor-sync_1.0~x": "",
		"sponsorsync": "SPONSORSYNC_BASE_PATH", "/": "SPONSORSYNC_BASE_PATH", "/sponsorsync/": "SPONSORSYNC_BASE_PATH",
		"//host/x": "SPONSORSYNC_BASE_PATH", "/a/../b": "SPONSORSYNC_BASE_PATH", "/a;b": "SPONSORSYNC_BASE_PATH",
		"/{org}": "SPONSORSYNC_BASE_PATH", "https://example.com/sponsorsync": "SPONSORSYNC_BASE_PATH",
	} {
		_, err := config.LoadServer(read(t, config.EncryptionKey+"="+key32, "SPONSORSYNC_API_TOKEN="+token32, "SPONSORSYNC_BASE_PATH="+value))
		if got := names(faults(t, err)); got != want {
			t.Errorf("%s: got faults %q, want %q: %v", value, got, want, err)
		}
	}
}
