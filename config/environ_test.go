package config_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
)

func TestReadPrecedence(t *testing.T) {
	t.Parallel()
	first := file(t, "SPONSORSYNC_LOG_LEVEL=debug\nSPONSORSYNC_LOG_FORMAT=console\nREDIS_URL=redis://first:1/0\n")
	second := file(t, "SPONSORSYNC_LOG_LEVEL=warn\nREDIS_URL=redis://second:1/0\n")
	e, err := config.Read([]string{"SPONSORSYNC_LOG_LEVEL=error", "PATH=/bin"}, []string{first, second})
	if err != nil {
		t.Fatal(err)
	}
	p, err := config.LoadProducer(e)
	if err != nil {
		t.Fatal(err)
	}
	if p.Log.Level != "error" || p.Log.Format != "console" || p.Redis.URL != "redis://second:1/0" {
		t.Errorf("got %+v %v, want the environment over the second file over the first", p.Log, p.Redis)
	}
}

func TestReadBlankInEnvironmentUnsetsFile(t *testing.T) {
	t.Parallel()
	e, err := config.Read([]string{"SPONSORSYNC_LOG_LEVEL= "}, []string{file(t, "SPONSORSYNC_LOG_LEVEL=debug")})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := config.LoadProducer(e); err != nil || p.Log.Level != "info" {
		t.Errorf("got %q, %v, want the default", p.Log.Level, err)
	}
}

func TestReadEnvFileForms(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ content, want string }{
		"raw":               {"globalSettings__installation__key=abc", "abc"},
		"equals signs":      {"globalSettings__installation__key=a=b==", "a=b=="},
		"double quotes":     {`globalSettings__installation__key="a b"`, "a b"},
		"escaped quote":     {`globalSettings__installation__key="a\"b"`, `a"b`},
		"single quotes":     {`globalSettings__installation__key='a $HOME b'`, "a $HOME b"},
		"dollar raw":        {"globalSettings__installation__key=a$HOME${X}$(y)$$", "a$HOME${X}$(y)$$"},
		"dollar quoted":     {`globalSettings__installation__key="a$HOME${X}"`, "a$HOME${X}"},
		"CRLF":              {"globalSettings__installation__key=abc\r\nREDIS_URL=redis://h\r\n", "abc"},
		"byte order mark":   {"\ufeffglobalSettings__installation__key=abc\n", "abc"},
		"export":            {"export globalSettings__installation__key=abc", "abc"},
		"spaces":            {"  globalSettings__installation__key = abc  ", "abc"},
		"comment after":     {"globalSettings__installation__key=abc # mine", "abc"},
		"hash inside":       {"globalSettings__installation__key=a#b", "a#b"},
		"comments, blanks":  {"# globalSettings__installation__key=no\n\n \nglobalSettings__installation__key=abc\n#x", "abc"},
		"last wins":         {"globalSettings__installation__key=abc\nglobalSettings__installation__key=def", "def"},
		"others' quoting":   {"globalSettings__installation__key=abc\nglobalSettings__sqlServer__connectionString=\"a\"b\nX=\"open", "abc"},
		"others' odd names": {"globalSettings__installation__key=abc\nmy-key:x=1", "abc"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := config.Read([]string{config.EncryptionKey + "=" + key32}, []string{file(t, tt.content)})
			if err != nil {
				t.Fatal(err)
			}
			s, err := config.LoadWorker(e)
			if err != nil || s.Cloud.InstallationKey.Reveal() != tt.want {
				t.Errorf("got %q, %v, want %q", s.Cloud.InstallationKey.Reveal(), err, tt.want)
			}
		})
	}
}

func TestReadReportsEveryBadLineWithoutItsContent(t *testing.T) {
	t.Parallel()
	bad := file(t, "REDIS_URL=redis://h\nhunter2\n\n=hunter2\nmy hunter2=x\nSPONSORSYNC_API_TOKEN=\"hunter2\nSPONSORSYNC_HOOK_SECRET=\"a\" hunter2\n")
	binary := file(t, "a\xff=b")
	missing := filepath.Join(t.TempDir(), "missing.env")
	folder := t.TempDir()
	_, err := config.Read(nil, []string{bad, binary, missing, folder})
	for _, want := range []string{
		bad + ": line 2 ", bad + ": line 4 ", bad + ": line 5 ", bad + ": line 6 ", bad + ": line 7 ",
		binary + ": this env file is not UTF-8 text", missing + ": this env file cannot be read: no such file", folder + ": this env file cannot be read: ",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got\n%v\nwant a line with %q", err, want)
		}
	}
	if n := len(faults(t, err)); n != 8 {
		t.Errorf("got %d faults, want 8:\n%v", n, err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error quotes the file:\n%v", err)
	}
}

func TestServerNamesAreCaseInsensitive(t *testing.T) {
	t.Parallel()
	w, err := config.LoadWorker(read(t, config.EncryptionKey+"="+key32,
		"GLOBALSETTINGS__ENABLECLOUDCOMMUNICATION=True",
		"globalsettings__baseserviceuri__cloudregion=eu",
		"GLOBALSETTINGS__INSTALLATION__ID="+installation,
		"GlobalSettings__Installation__Key=k"))
	if err != nil {
		t.Fatal(err)
	}
	if !w.Cloud.Enabled || w.Cloud.Region != "EU" || w.Cloud.InstallationID != installation || w.Cloud.InstallationKey.Reveal() != "k" {
		t.Errorf("got %+v", w.Cloud)
	}
}

func TestTwoSpellings(t *testing.T) {
	t.Parallel()
	const lower, upper = "globalSettings__enableCloudCommunication", "GLOBALSETTINGS__ENABLECLOUDCOMMUNICATION"
	tests := map[string]struct {
		environ []string
		file    string
		faulty  bool
	}{
		"different":                  {environ: []string{lower + "=false", upper + "=true"}, faulty: true},
		"different, then repeated":   {environ: []string{lower + "=false", upper + "=true", upper + "=true"}, faulty: true},
		"equal":                      {environ: []string{lower + "=false", upper + "=false"}},
		"different in a file":        {file: lower + "=false\n" + upper + "=true", faulty: true},
		"environment over file":      {environ: []string{upper + "=false"}, file: lower + "=true"},
		"environment settles a file": {environ: []string{lower + "=false"}, file: lower + "=false\n" + upper + "=true"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := config.Read(append(tt.environ, config.EncryptionKey+"="+key32), []string{file(t, tt.file)})
			if err != nil {
				t.Fatal(err)
			}
			w, err := config.LoadWorker(e)
			if got := names(faults(t, err)) == lower; got != tt.faulty || w.Cloud.Enabled {
				t.Errorf("got %v (enabled %v), want a fault: %v", err, w.Cloud.Enabled, tt.faulty)
			}
			if tt.faulty && !(strings.Contains(err.Error(), lower) && strings.Contains(err.Error(), upper)) {
				t.Errorf("got %v, want both spellings named", err)
			}
		})
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	e, err := config.Read(
		[]string{"SPONSORSYNC_CONCURENCY=3", "sponsorsync_log_level=info", "SPONSORSYNC_API_TOKEN_FILE=/x", "HOME=/root", "SPONSORSYNC_LOG_LEVEL=info"},
		[]string{file(t, "SPONSORSYNC_REDIS_URL=x\nglobalSettings__sqlServer=y\nSPONSORSYNC_LOG_LEVEL_FILE=z")})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SPONSORSYNC_CONCURENCY", "SPONSORSYNC_LOG_LEVEL_FILE", "SPONSORSYNC_REDIS_URL", "sponsorsync_log_level"}
	if got := e.Unknown(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWhatGoReadsItselfDoesNothingInAnEnvFile(t *testing.T) {
	t.Parallel()
	e, err := config.Read([]string{"SSL_CERT_DIR=/certs"}, []string{file(t, "HTTPS_PROXY=http://user:secret@proxy\nSSL_CERT_DIR=/other\nPATH=/bin")})
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Unheeded(); !slices.Equal(got, []string{"HTTPS_PROXY"}) || len(e.Unknown()) > 0 {
		t.Errorf("unheeded %v, unknown %v; want HTTPS_PROXY alone, which the environment does not set", got, e.Unknown())
	}
}

// FuzzRead holds that a file never panics the reader, that its content is never
// quoted, and that the environment wins over whatever it says.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", "A=b", "globalSettings__installation__key=x", "globalSettings__installation__key='", "\ufeff\r\n", "globalSettings__installation__key=\"a\\", "=", "export =", "REDIS_URL=$", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		const canary = "Zq7-canary"
		path := file(t, content+"\nSPONSORSYNC_LOG_LEVEL=bad\n"+canary+"\nSPONSORSYNC_HOOK_SECRET=\""+canary+"\n")
		e, err := config.Read([]string{"globalSettings__installation__key=from environment", "SPONSORSYNC_LOG_LEVEL=warn"}, []string{path})
		if len(faults(t, err)) == 0 || strings.Contains(err.Error(), canary) {
			t.Fatalf("got %v, want faults that do not quote the file", err)
		}
		s, err := config.LoadWorker(e)
		if s.Cloud.InstallationKey.Reveal() != "from environment" && !strings.Contains(strings.ToLower(content), "installation__key_file") {
			t.Fatalf("got %q, %v, want the environment's token", s.Cloud.InstallationKey.Reveal(), err)
		}
		if s.Log.Level != "warn" {
			t.Fatalf("got %q, want the environment's level", s.Log.Level)
		}
	})
}

// FuzzEnvFileRoundTrip holds that what is written raw is read back raw.
func FuzzEnvFileRoundTrip(f *testing.F) {
	for _, seed := range []string{"abc", "a$b", `a\$b`, "$A$B${C}$(D)", `\`, "a=b", "a#b", "é", "$$"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r == 0x85 || r == 0xa0 || r == 0xfffd }) ||
			strings.TrimSpace(token) != token || strings.ContainsAny(token[:1], `"'`) {
			return // needs quotes
		}
		e, err := config.Read(nil, []string{file(t, "globalSettings__installation__key="+token+"\n")})
		if err != nil {
			t.Fatal(err)
		}
		if s, _ := config.LoadWorker(e); s.Cloud.InstallationKey.Reveal() != token {
			t.Fatalf("got %q, want %q", s.Cloud.InstallationKey.Reveal(), token)
		}
	})
}
