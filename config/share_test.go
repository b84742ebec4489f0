package config_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/config"
)

// serversOwn is what stands in a self-hosted server's env file, and ours beside it.
var serversOwn = []string{
	"globalSettings__installation__id=01234567-89ab-cdef-0123-456789abcdef", "globalSettings__installation__key=KEY",
	"globalSettings__enableCloudCommunication=true", "globalSettings__sqlServer__connectionString=Server=mssql;Password=p'w $x#y",
	"globalSettings__mail__smtp__password=MAIL", "SPONSORSYNC_BRIDGE=read", "SPONSORSYNC_API_TOKEN=TOKEN", "SPONSORSYNC_BATCH_SIZE=10",
	"SPONSORSYNC_ENCRYPTION_KEY=" + key32, "SPONSORSYNC_LOG_LEVEL=warn",
}

func TestEachPartGetsOnlyWhatItReads(t *testing.T) {
	t.Parallel()
	for part, want := range map[config.Part]string{
		config.PartWorker: "enableCloudCommunication installation__id installation__key ENCRYPTION_KEY BATCH_SIZE LOG_LEVEL",
		config.PartServe:  "ENCRYPTION_KEY API_TOKEN LOG_LEVEL",
		config.PartBridge: "ENCRYPTION_KEY BRIDGE sqlServer__connectionString LOG_LEVEL",
	} {
		lines, err := read(t, serversOwn...).Share(part)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range lines {
			name, _, _ := strings.Cut(line, "=")
			got = append(got, strings.TrimPrefix(strings.TrimPrefix(name, "globalSettings__"), "SPONSORSYNC_"))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("part %d: got %s, want %s", part, strings.Join(got, " "), want)
		}
	}
}

func TestAPartReadsWhatTheWholeHeld(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.StringMatching(`[ -~]{1,30}`).Draw(rt, "value")
		const name = "globalSettings__installation__key"
		lines, err := config.Environ{}.With(map[string]string{name: value}).Share(config.PartWorker)
		if strings.TrimSpace(value) == "" || err != nil {
			return // unset, or refused
		}
		again, err := config.Read(nil, []string{file(t, strings.Join(lines, "\n"))})
		if err != nil {
			rt.Fatal(err)
		}
		if once, err := again.Share(config.PartWorker); err != nil || !slices.Equal(once, lines) {
			rt.Fatalf("%q was read as %q (%v), and written as %q", value, once, err, lines)
		}
	})
}

func TestAValueThatNoEnvFileCanHoldIsRefused(t *testing.T) {
	t.Parallel()
	_, err := config.Environ{}.With(map[string]string{"globalSettings__installation__key": "a\nb"}).Share(config.PartWorker)
	if got := names(faults(t, err)); got != "globalSettings__installation__key" {
		t.Errorf("got faults %q", got)
	}
}

func TestTheEnvFileOfAContainerIsReadFirst(t *testing.T) {
	t.Parallel()
	first, second := file(t, "SPONSORSYNC_BATCH_SIZE=1\nSPONSORSYNC_LOG_LEVEL=warn\n"), file(t, "SPONSORSYNC_BATCH_SIZE=2\n")
	e, err := config.Read([]string{"SPONSORSYNC_ENV_FILE=" + first, config.EncryptionKey + "=" + key32}, []string{second})
	if err != nil {
		t.Fatal(err)
	}
	w, err := config.LoadWorker(e)
	if err != nil || w.BatchSize != 2 || w.Log.Level != "warn" || len(e.Unknown()) > 0 {
		t.Errorf("got %d, %s, %v, %v", w.BatchSize, w.Log.Level, e.Unknown(), err)
	}
}
