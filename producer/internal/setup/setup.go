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
	values, err := w.secretsIn(filepath.Join(dir, "secrets"), strings.NewReader("")) // all are there
	if err != nil {
		return err
	}
	for _, sub := range []string{"data", "data/redis", "data/nats", "licenses", "run"} {
		if err := w.folder(filepath.Join(dir, filepath.FromSlash(sub))); err != nil {
			return err
		}
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
	for name, part := range map[string]config.Part{"worker": config.PartWorker, "producer": config.PartServe, "bridge": config.PartBridge} {
		defaults := map[string]string{
			config.EncryptionKey:      values["encryption_key"],
			"SPONSORSYNC_API_TOKEN":   values["api_token"],
			"SPONSORSYNC_HOOK_SECRET": values["hook_secret"],
			"REDIS_URL":               fmt.Sprintf("redis://:%s@redis:6379/0", values["redis_password"]),
		}
		if password := values["nats_"+name]; password != "" { // the bridge has no need of NATS
			defaults["NATS_URL"] = fmt.Sprintf("nats://%s:%s@nats:4222", name, password)
		}
		lines, err := environ.With(defaults).Share(part)
		if err != nil {
			return err
		}
		if err := w.lay(filepath.Join(dir, "run", name, "settings.env"), strings.Join(lines, "\n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}
