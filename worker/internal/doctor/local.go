package doctor

import (
	"path/filepath"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/worker/internal/license"
)

// local checks what needs no network: the encryption key and where licenses go.
func (d *doctor) local() []Check {
	return []Check{d.encryptionKey(), d.licenseDir(), d.licenseCertificate(), d.timeouts()}
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
	const name = "license directory"
	dir := d.Settings.License.Dir
	if dir == "" {
		return skipped("SPONSORSYNC_LICENSE_DIR is not understood", name)[0]
	}
	tried, err := license.NewStore(dir).Probe()
	if err != nil {
		return bad(name, "Let the worker's user write to SPONSORSYNC_LICENSE_DIR, or choose another directory.", "%s", err)
	}
	if license.ServersOwn(dir) {
		return doubtful(name, "Set SPONSORSYNC_LICENSE_DIR to a folder of its own, and upload the file in the server's Admin Console > Billing > Subscription.",
			"%s is the server's own: a file that is written there and not uploaded makes the server disable the organization", dir)
	}
	if len(tried) < len(filepath.Clean(dir)) {
		return good(name, "%s does not exist yet and can be created below %s", dir, tried)
	}
	return good(name, "%s can be written to", tried)
}

func (d *doctor) licenseCertificate() Check {
	const name = "license certificate"
	path := d.Settings.License.CertFile
	if path == "" {
		return good(name, "not set: signatures of licenses are not verified")
	}
	if _, err := license.LoadCertificate(path); err != nil {
		return bad(name, "Give Bitwarden's licensing certificate, PEM or DER, as SPONSORSYNC_LICENSE_CERT_FILE.", "%s", err)
	}
	return good(name, "%s verifies licenses", path)
}

// leastGrace is the shortest time that a cloud which gave no answer is trusted to
// be done after. Its own code was seen to work for 55 s on one full request.
const leastGrace = time.Minute

// timeouts warns of settings that would let a request meet its own double, or be
// cut off by a deploy.
func (d *doctor) timeouts() Check {
	const name = "timeouts"
	cloud, shutdown := d.Settings.Cloud, d.Settings.ShutdownTimeout
	switch {
	case cloud.Timeout == 0 || cloud.Grace == 0 || shutdown == 0:
		return skipped("one of them is not understood", name)[0]
	case cloud.Grace < leastGrace:
		return doubtful(name, "Set SPONSORSYNC_CLOUD_GRACE to a minute or more; 5m is the default.",
			"%s after a request got no answer its rows are sent again: a cloud that is still at work on it by then mails twice", cloud.Grace)
	case shutdown < cloud.Timeout:
		return doubtful(name, "Set SPONSORSYNC_SHUTDOWN_TIMEOUT above SPONSORSYNC_CLOUD_TIMEOUT, and give the worker 30 s more before it is killed.",
			"a deploy cuts requests off: the worker stops after %s, the cloud may take %s", shutdown, cloud.Timeout)
	}
	return good(name, "the cloud has %s to answer and %s to come to an end; a shutdown waits %s", cloud.Timeout, cloud.Grace, shutdown)
}
