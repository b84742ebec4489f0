package doctor

import (
	"path/filepath"

	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/license"
)

// local checks what needs no network: the encryption key and where licences go.
func (d *doctor) local() []Check {
	return []Check{d.encryptionKey(), d.licenseDir(), d.licenseCertificate()}
}

func (d *doctor) encryptionKey() Check {
	const name = "encryption key"
	if len(d.Settings.EncryptionKeys) == 0 {
		return skipped("SPONSORSYNC_ENCRYPTION_KEY is missing or not understood", name)[0]
	}
	if _, err := state.NewSealer(d.Settings.EncryptionKeys.Bytes()...); err != nil {
		return bad(name, "Set SPONSORSYNC_ENCRYPTION_KEY to base64 of 32 bytes (openssl rand -base64 32).", "%s", err)
	}
	return good(name, "%d in use, the first encrypts", len(d.Settings.EncryptionKeys))
}

func (d *doctor) licenseDir() Check {
	const name = "licence directory"
	dir := d.Settings.License.Dir
	if dir == "" {
		return skipped("SPONSORSYNC_LICENSE_DIR is not understood", name)[0]
	}
	tried, err := license.NewStore(dir).Probe()
	if err != nil {
		return bad(name, "Let the worker's user write to SPONSORSYNC_LICENSE_DIR, or choose another directory.", "%s", err)
	}
	if len(tried) < len(filepath.Clean(dir)) {
		return good(name, "%s does not exist yet and can be created below %s", dir, tried)
	}
	return good(name, "%s can be written to", tried)
}

func (d *doctor) licenseCertificate() Check {
	const name = "licence certificate"
	path := d.Settings.License.CertFile
	if path == "" {
		return good(name, "not set: signatures of licences are not verified")
	}
	if _, err := license.LoadCertificate(path); err != nil {
		return bad(name, "Give Bitwarden's licensing certificate, PEM or DER, as SPONSORSYNC_LICENSE_CERT_FILE.", "%s", err)
	}
	return good(name, "%s verifies licences", path)
}
