package setup

import (
	"embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/sponsorsync/sponsorsync/config"
)

//go:embed files
var files embed.FS

// SettingsFile is the name of the file that the admin edits.
const SettingsFile = "sponsorsync.env"

// Write makes the secrets and the example of settings in a folder, as far as they
// are missing, and returns the paths that it made.
func Write(dir string, random io.Reader) ([]string, error) {
	var w writer
	if err := w.folder(dir); err != nil {
		return nil, err
	}
	if _, err := w.secretsIn(filepath.Join(dir, "secrets"), random); err != nil {
		return nil, err
	}
	example, err := files.ReadFile("files/" + SettingsFile)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, SettingsFile)
	if _, err := os.Stat(path); err == nil {
		return w.made, nil
	}
	return w.made, w.create(path, example)
}

// Containers lays out, below run in a folder that [Write] was at, what each
// container may read, anew at every call: its own settings, and no others. It also
// makes the folders where data and licenses are kept.
func Containers(dir string, environ config.Environ) error {
	var w writer
	values, err := w.laidSecrets(dir, "data", "data/redis", "data/nats", "licenses", "run")
	if err != nil {
		return err
	}
	for _, server := range []string{"redis", "nats"} {
		var text strings.Builder
		page, err := template.New(server+".conf").Option("missingkey=error").ParseFS(files, "files/"+server+".conf")
		if err != nil {
			return err
		}
		if err := page.Execute(&text, values); err != nil {
			return err
		}
		if err := w.lay(filepath.Join(dir, "run", server, server+".conf"), text.String()); err != nil {
			return err
		}
	}
	return w.shares(dir, environ, func(program string) map[string]string {
		defaults := credentials(values)
		defaults["REDIS_URL"] = fmt.Sprintf("redis://:%s@redis:6379/0", values["redis_password"])
		if password := values["nats_"+program]; password != "" { // the bridge has no need of NATS
			defaults["NATS_URL"] = fmt.Sprintf("nats://%s:%s@nats:4222", program, password)
		}
		return defaults
	})
}

// Services is [Containers] for the services of a supervisor such as systemd: the
// same settings for each program, and no servers. Redis and NATS are the machine's.
func Services(dir string, environ config.Environ) error {
	var w writer
	values, err := w.laidSecrets(dir, "run")
	if err != nil {
		return err
	}
	return w.shares(dir, environ, func(string) map[string]string { return credentials(values) })
}

// laidSecrets reads the secrets, which are all there, and makes folders.
func (w *writer) laidSecrets(dir string, folders ...string) (map[string]string, error) {
	for _, sub := range folders {
		if err := w.folder(filepath.Join(dir, filepath.FromSlash(sub))); err != nil {
			return nil, err
		}
	}
	return w.secretsIn(filepath.Join(dir, "secrets"), strings.NewReader(""))
}

// credentials are the settings that are secrets of our own.
func credentials(secrets map[string]string) map[string]string {
	return map[string]string{
		config.EncryptionKey:      secrets["encryption_key"],
		"SPONSORSYNC_API_TOKEN":   secrets["api_token"],
		"SPONSORSYNC_HOOK_SECRET": secrets["hook_secret"],
	}
}

// shares lays out each program's own part of the settings, over its defaults.
func (w *writer) shares(dir string, environ config.Environ, defaults func(program string) map[string]string) error {
	for program, part := range map[string]config.Part{"worker": config.PartWorker, "producer": config.PartServe, "bridge": config.PartBridge} {
		lines, err := environ.With(defaults(program)).Share(part)
		if err != nil {
			return err
		}
		if err := w.lay(filepath.Join(dir, "run", program, "settings.env"), strings.Join(lines, "\n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}
