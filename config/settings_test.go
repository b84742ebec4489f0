package config_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

func TestWorkerDefaults(t *testing.T) {
	t.Parallel()
	got, err := config.LoadWorker(read(t, config.EncryptionKey+"="+key32))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Worker{
		Cloud: config.Cloud{
			Region: "US", IdentityURI: "https://identity.bitwarden.com", APIURI: "https://api.bitwarden.com",
			Timeout: 100 * time.Second, Grace: 5 * time.Minute, Rate: 60, Burst: 5,
		},
		Redis:          config.Redis{URL: "redis://127.0.0.1:6379/0"},
		NATS:           config.NATS{URL: "nats://127.0.0.1:4222", Replicas: 1, StreamBytes: 1 << 30},
		Log:            config.Log{Level: "info", Format: "json"},
		Traces:         config.Traces{Exporter: "otlp", Protocol: "http/protobuf"},
		Retry:          config.Retry{Base: 2 * time.Second, Max: time.Hour},
		Schedule:       config.Schedule{SyncInterval: 24 * time.Hour, SweepInterval: 15 * time.Second},
		License:        config.License{Dir: "licenses"},
		EncryptionKeys: config.Keyring{"0123456789abcdef0123456789abcdef"},
		Listen:         "127.0.0.1:8081",
		Concurrency:    16, CloudConcurrency: 8,
		BatchSize:       1000,
		ShutdownTimeout: 120 * time.Second,
		ForgetAfter:     90 * 24 * time.Hour,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestServerDefaults(t *testing.T) {
	t.Parallel()
	got, err := config.LoadServer(read(t, config.EncryptionKey+"="+key32, "SPONSORSYNC_API_TOKEN="+token32))
	if err != nil {
		t.Fatal(err)
	}
	if got.Listen != "127.0.0.1:8080" || got.APIToken.Reveal() != token32 || got.HookSecrets != nil || got.ShutdownTimeout != 120*time.Second ||
		got.Schedule.SyncInterval != 24*time.Hour || got.Redis.URL != "redis://127.0.0.1:6379/0" {
		t.Errorf("got %+v", got)
	}
}

func TestCloudHosts(t *testing.T) {
	t.Parallel()
	const identity, api = "globalSettings__installation__identityUri=", "globalSettings__installation__apiUri="
	tests := map[string]struct {
		environ       []string
		identity, api string
	}{
		"EU":                   {[]string{"globalSettings__baseServiceUri__cloudRegion=EU"}, "https://identity.bitwarden.eu", "https://api.bitwarden.eu"},
		"EU, blank":            {[]string{"globalSettings__baseServiceUri__cloudRegion=Eu", identity + " ", api}, "https://identity.bitwarden.eu", "https://api.bitwarden.eu"},
		"EU, one set":          {[]string{"globalSettings__baseServiceUri__cloudRegion=EU", api + "https://proxy.example"}, "https://identity.bitwarden.eu", "https://proxy.example"},
		"US":                   {[]string{"globalSettings__baseServiceUri__cloudRegion=us"}, "https://identity.bitwarden.com", "https://api.bitwarden.com"},
		"slashes and loopback": {[]string{identity + "http://127.9.0.1:33656/", api + "https://api.bitwarden.com//"}, "http://127.9.0.1:33656", "https://api.bitwarden.com"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := config.LoadWorker(read(t, append(tt.environ, config.EncryptionKey+"="+key32)...))
			if err != nil || w.Cloud.IdentityURI != tt.identity || w.Cloud.APIURI != tt.api {
				t.Errorf("got %q %q, %v", w.Cloud.IdentityURI, w.Cloud.APIURI, err)
			}
		})
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	readable := file(t, "x")
	tests := []struct {
		name      string
		good, bad []string
	}{
		{"globalSettings__enableCloudCommunication", []string{"false", "FALSE", " False "}, []string{"1", "yes", "0"}},
		{"globalSettings__baseServiceUri__cloudRegion", []string{"us", "EU"}, []string{"UK", "US "}},
		{"globalSettings__installation__id", []string{installation, strings.ToUpper(installation)}, []string{"REPLACE", "{" + installation + "}", "urn:uuid:" + installation}},
		{"globalSettings__installation__apiUri",
			[]string{"https://a.example/x", "http://localhost:1", "http://[::1]:1", "http://127.0.0.2", "http://[::ffff:127.0.0.1]:1"},
			[]string{"http://a.example", "http://10.0.0.1", "http://localhost.evil.example", "ftp://localhost", "api.bitwarden.com", "REPLACE", "https://u:p@a.example", "https://a.example?x", "https://"}},
		{"globalSettings__installation__identityUri", []string{"https://a.example"}, []string{"http://a.example"}},
		{"globalSettings__pushRelayBaseUri", []string{"REPLACE", "https://push.bitwarden.eu"}, nil},
		{"REDIS_URL", []string{"redis://h", "rediss://u:p@h:6380/2", "unix:///run/redis.sock", "redis-sentinel://u:p@a:1,b/m", "redis-cluster://a,b:1"}, []string{"h:6379", "http://h", "redis:h", "redis://h/x", "redis://h:port", "unix://", "redis://h?x=1", "redis-sentinel://a", "redis-cluster://a/1"}},
		{"NATS_URL", []string{"nats://h", "tls://u:p@h:1, nats://[::1]:4222", "h:4222,wss://h"}, []string{"http://h", "nats://", "nats://a,,nats://b"}},
		{"SPONSORSYNC_NATS_CREDS_FILE", []string{readable}, []string{readable + ".missing", filepath.Dir(readable)}},
		{"SPONSORSYNC_NATS_STREAM_BYTES", []string{"1048576", "1MiB", "500MiB", "2GiB", "3 TiB"},
			[]string{"0", "-1GiB", "1GB", "1.5GiB", "GiB", "1023KiB", "x", "1GiBGiB", "9999999TiB"}},
		{"SPONSORSYNC_NATS_REPLICAS", []string{"1", "3", "5"}, []string{"0", "2", "7", "x"}},
		{config.EncryptionKey, []string{key32, otherKey32 + ", " + key32},
			[]string{"short", "MDEyMw==", key32 + ",", key32 + key32, base64.StdEncoding.EncodeToString(make([]byte, 32)), strings.TrimSuffix(key32, "=")}},
		{"SPONSORSYNC_WORKER_LISTEN", []string{":0", "[::]:8081", "host:65535"}, []string{"8081", "host", "host:http", "host:65536", "host:-1"}},
		{"SPONSORSYNC_CONCURRENCY", []string{"1", "999"}, []string{"0", "-1", "1.5", "many", "99999999999"}},
		{"SPONSORSYNC_CLOUD_CONCURRENCY", []string{"1"}, []string{"0"}},
		{"SPONSORSYNC_BATCH_SIZE", []string{"1", "1000"}, []string{"0", "1001"}},
		{"SPONSORSYNC_CLOUD_RATE", []string{"0", "120"}, []string{"-1"}},
		{"SPONSORSYNC_CLOUD_BURST", []string{"1"}, []string{"0"}},
		{"SPONSORSYNC_CLOUD_TIMEOUT", []string{"1ms", "10m"}, []string{"0", "0s", "-1s", "30", "soon"}},
		{"SPONSORSYNC_SYNC_INTERVAL", []string{"2s"}, []string{"1d"}},
		{"SPONSORSYNC_SWEEP_INTERVAL", []string{"1s", "48h"}, []string{"0s"}},
		{"SPONSORSYNC_RETRY_BASE", []string{"10ms", "1h"}, []string{"-2s", "2h"}},
		{"SPONSORSYNC_RETRY_MAX", []string{"2s"}, []string{"0s", "x"}},
		{"SPONSORSYNC_LICENSE_CERT_FILE", []string{readable}, []string{readable + ".missing"}},
		{"SPONSORSYNC_SHUTDOWN_TIMEOUT", []string{"1s"}, []string{"0s"}},
		{"SPONSORSYNC_LOG_LEVEL", []string{"trace", "debug", "warn", "error"}, []string{"loud", "INFO"}},
		{"SPONSORSYNC_LOG_FORMAT", []string{"json", "console"}, []string{"xml"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check := func(value, want string) {
				_, err := config.LoadWorker(read(t, config.EncryptionKey+"="+key32, tt.name+"="+value))
				if got := names(faults(t, err)); got != want {
					t.Errorf("%q: got faults %q, want %q: %v", value, got, want, err)
				}
			}
			for _, value := range tt.good {
				check(value, "")
			}
			for _, value := range tt.bad {
				check(value, tt.name)
			}
		})
	}
}

func TestServerValues(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, value, want string }{
		{"SPONSORSYNC_API_TOKEN", token32[1:], "SPONSORSYNC_API_TOKEN"},
		{"SPONSORSYNC_API_TOKEN", strings.Repeat("changeme", 8), "SPONSORSYNC_API_TOKEN"},
		{"SPONSORSYNC_API_TOKEN", " " + token32, "SPONSORSYNC_API_TOKEN"},
		{"SPONSORSYNC_API_TOKEN", " ", "SPONSORSYNC_API_TOKEN"},
		{"SPONSORSYNC_LISTEN", "0.0.0.0:0", ""},
		{"SPONSORSYNC_LISTEN", "8080", "SPONSORSYNC_LISTEN"},
		{"SPONSORSYNC_HOOK_SECRET", hookSecret, ""},
		{"SPONSORSYNC_HOOK_SECRET", hookSecret + ", " + hookSecret + " " + hookSecret, ""},
		{"SPONSORSYNC_HOOK_SECRET", strings.TrimPrefix(hookSecret, "whsec_"), "SPONSORSYNC_HOOK_SECRET"},
		{"SPONSORSYNC_HOOK_SECRET", "whsec_c2hvcnQ=", "SPONSORSYNC_HOOK_SECRET"},
		{"SPONSORSYNC_HOOK_SECRET", "whsec_" + strings.Repeat("AAAA", 22), "SPONSORSYNC_HOOK_SECRET"},
		{"SPONSORSYNC_HOOK_SECRET", hookSecret + ",whsec_", "SPONSORSYNC_HOOK_SECRET"},
		{"SPONSORSYNC_HOOK_SECRET", ",", "SPONSORSYNC_HOOK_SECRET"},
	}
	for _, tt := range tests {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			t.Parallel()
			_, err := config.LoadServer(read(t, config.EncryptionKey+"="+key32, "SPONSORSYNC_API_TOKEN="+token32, tt.name+"="+tt.value))
			if got := names(faults(t, err)); got != tt.want {
				t.Errorf("got faults %q, want %q: %v", got, tt.want, err)
			}
		})
	}
}

func TestListsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	second := "whsec_c2VjcmV0LXRoYXQtaXMtYmVpbmctcm90YXRlZA=="
	s, err := config.LoadServer(read(t, config.EncryptionKey+"="+otherKey32+","+key32,
		"SPONSORSYNC_API_TOKEN="+token32, "SPONSORSYNC_HOOK_SECRET="+hookSecret+" "+second))
	if err != nil {
		t.Fatal(err)
	}
	keys := s.EncryptionKeys.Bytes()
	if len(keys) != 2 || string(keys[0]) != "fedcba9876543210fedcba9876543210" || string(keys[1]) != "0123456789abcdef0123456789abcdef" {
		t.Errorf("got keys %q", keys)
	}
	if want := (config.HookSecrets{secret.Text(hookSecret), secret.Text(second)}); !slices.Equal(s.HookSecrets, want) {
		t.Errorf("got %d hook secrets, want the two in order", len(s.HookSecrets))
	}
}

func TestRequired(t *testing.T) {
	t.Parallel()
	const id, key = "globalSettings__installation__id", "globalSettings__installation__key"
	worker := func(e config.Environ) error { _, err := config.LoadWorker(e); return err }
	server := func(e config.Environ) error { _, err := config.LoadServer(e); return err }
	producer := func(e config.Environ) error { _, err := config.LoadProducer(e); return err }
	connect := func(e config.Environ) error { _, err := config.LoadProducer(e, config.EncryptionKey); return err }
	enabled := "globalSettings__enableCloudCommunication=true"
	tests := map[string]struct {
		load    func(config.Environ) error
		environ []string
		want    string
	}{
		"worker":                {worker, nil, config.EncryptionKey},
		"worker, cloud enabled": {worker, []string{enabled}, config.EncryptionKey + " " + id + " " + key},
		"worker, bad id":        {worker, []string{enabled, id + "=x", key + "= "}, config.EncryptionKey + " " + id + " " + key},
		"server":                {server, nil, "SPONSORSYNC_API_TOKEN " + config.EncryptionKey},
		"producer":              {producer, nil, ""},
		"producer, bad key":     {producer, []string{config.EncryptionKey + "=x"}, config.EncryptionKey},
		"connect":               {connect, nil, config.EncryptionKey},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := names(faults(t, tt.load(read(t, tt.environ...)))); got != tt.want {
				t.Errorf("got faults %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFileForm(t *testing.T) {
	t.Parallel()
	const name, form = "SPONSORSYNC_API_TOKEN", "SPONSORSYNC_API_TOKEN_FILE"
	missing := filepath.Join(t.TempDir(), "missing")
	tests := map[string]struct {
		environ     []string
		token, want string
	}{
		"newline":            {[]string{form + "=" + file(t, token32+"\n")}, token32, ""},
		"CRLF":               {[]string{form + "=" + file(t, token32+"\r\n")}, token32, ""},
		"none":               {[]string{form + "=" + file(t, token32)}, token32, ""},
		"two newlines":       {[]string{form + "=" + file(t, token32+"\n\n")}, "", form},
		"empty":              {[]string{form + "=" + file(t, "\n")}, "", form},
		"missing":            {[]string{form + "=" + missing}, "", form},
		"folder":             {[]string{form + "=" + t.TempDir()}, "", form},
		"both":               {[]string{form + "=" + file(t, token32), name + "=" + token32}, "", name},
		"both, one is blank": {[]string{form + "=" + file(t, token32), name + "="}, token32, ""},
	}
	for label, tt := range tests {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			s, err := config.LoadServer(read(t, append(tt.environ, config.EncryptionKey+"_FILE="+file(t, key32+"\n"))...))
			if got := names(faults(t, err)); got != tt.want || s.APIToken.Reveal() != tt.token {
				t.Errorf("got %q and faults %q, want %q and %q: %v", s.APIToken.Reveal(), got, tt.token, tt.want, err)
			}
			if len(s.EncryptionKeys) != 1 {
				t.Errorf("got %d keys from the file, want 1", len(s.EncryptionKeys))
			}
		})
	}
}

func TestEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	w, err := config.LoadWorker(read(t,
		"globalSettings__enableCloudCommunication=true", "globalSettings__installation__id=nope",
		"globalSettings__installation__apiUri=http://api.example",
		"SPONSORSYNC_BATCH_SIZE=5000", "SPONSORSYNC_RETRY_BASE=2h", "SPONSORSYNC_CLOUD_TIMEOUT=30",
		"REDIS_URL=http://u:hunter2@h", "NATS_URL=ftp://hunter2@h", config.EncryptionKey+"=hunter2",
		"SPONSORSYNC_LOG_LEVEL=warn"))
	want := strings.Join([]string{
		`NATS_URL: got something else (not shown), want nats://host:port (or tls, ws, wss); several, separated by commas`,
		`REDIS_URL: got something else (not shown), want redis://[user:password@]host:port/number, rediss://..., unix:///path, redis-sentinel://[user:password@]host:port,host:port/MASTER or redis-cluster://[user:password@]host:port,host:port`,
		`SPONSORSYNC_BATCH_SIZE: got "5000", want a whole number from 1 to 1000`,
		`SPONSORSYNC_CLOUD_TIMEOUT: got "30", want a positive duration such as 500ms, 30s or 24h`,
		`SPONSORSYNC_ENCRYPTION_KEY: got something else (not shown), want base64 of 32 random bytes (openssl rand -base64 32); several, separated by commas: the first encrypts, all decrypt; this is no base64`,
		`SPONSORSYNC_RETRY_BASE: got 2h0m0s, want at most SPONSORSYNC_RETRY_MAX, which is 1h0m0s`,
		`globalSettings__installation__apiUri: got "http://api.example", want https (http is for loopback addresses only)`,
		`globalSettings__installation__id: got "nope", want a UUID such as 01234567-89ab-cdef-0123-456789abcdef`,
		`globalSettings__installation__key: required while globalSettings__enableCloudCommunication is true, want the value from https://bitwarden.com/host`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if w.Log.Level != "warn" || w.BatchSize != 0 || !w.Cloud.Enabled {
		t.Errorf("got %+v, want the settings without a fault filled in, the others zero", w)
	}
}

func TestVariablesMatchTheStructs(t *testing.T) {
	t.Parallel()
	tags := map[string]bool{"SPONSORSYNC_ENV_FILE": true} // which Read itself follows
	for _, root := range []any{config.Worker{}, config.Producer{}, config.Server{}, config.ServerDatabase{}} {
		collectTags(reflect.TypeOf(root), tags)
	}
	seen := map[string]bool{}
	for _, v := range config.Variables() {
		if seen[v.Name] || !tags[v.Name] || v.Meaning == "" {
			t.Errorf("%s: listed twice, read by no program, or without a meaning", v.Name)
		}
		seen[v.Name] = true
		if v.FileForm() != "" && !v.Secret {
			t.Errorf("%s: has a file form and must be secret", v.Name)
		}
	}
	for name := range tags {
		if !seen[name] {
			t.Errorf("%s: read by a program, but not in the table", name)
		}
	}
}

// TestDefaultsAreValid sets every default by hand: whatever the table promises must be accepted.
func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	environ := []string{config.EncryptionKey + "=" + key32, "SPONSORSYNC_API_TOKEN=" + token32}
	for _, v := range config.Variables() {
		if v.Default != "" {
			environ = append(environ, v.Name+"="+v.Default)
		}
	}
	e := read(t, environ...)
	explicit, err := config.LoadWorker(e)
	if err != nil {
		t.Error(err)
	}
	if implicit, _ := config.LoadWorker(read(t, environ[:2]...)); !reflect.DeepEqual(explicit, implicit) {
		t.Errorf("got\n%+v\nwant what an empty environment gives\n%+v", explicit, implicit)
	}
	if _, err := config.LoadServer(e); err != nil {
		t.Error(err)
	}
}

func TestVariablesIsACopy(t *testing.T) {
	t.Parallel()
	config.Variables()[0].Name = "changed"
	if config.Variables()[0].Name == "changed" {
		t.Error("a caller can change the table")
	}
}

func TestZeroEnvironAndProcessEnvironment(t *testing.T) {
	t.Parallel()
	if _, err := config.LoadProducer(config.Environ{}); err != nil {
		t.Error(err)
	}
	if _, err := config.Read(os.Environ(), nil); err != nil {
		t.Error(err)
	}
}

func collectTags(of reflect.Type, into map[string]bool) {
	for i := range of.NumField() {
		field := of.Field(i)
		if tag := field.Tag.Get("env"); tag == "-" {
			continue
		} else if tag != "" {
			into[tag] = true
		} else if field.Type.Kind() == reflect.Struct {
			collectTags(field.Type, into)
		}
	}
}
