package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// Cloud is how to reach Bitwarden's cloud, and how gently.
type Cloud struct {
	Enabled         bool          `env:"globalSettings__enableCloudCommunication"`
	Region          string        `env:"globalSettings__baseServiceUri__cloudRegion"` // "US" or "EU"
	InstallationID  string        `env:"globalSettings__installation__id"`            // set if Enabled
	InstallationKey secret.Text   `env:"globalSettings__installation__key"`           // set if Enabled
	IdentityURI     string        `env:"globalSettings__installation__identityUri"`   // without a slash at its end
	APIURI          string        `env:"globalSettings__installation__apiUri"`        // without a slash at its end
	PushRelayURI    string        `env:"globalSettings__pushRelayBaseUri"`            // unchecked: only the preflight reads it
	Timeout         time.Duration `env:"SPONSORSYNC_CLOUD_TIMEOUT"`                   // for one request
	Grace           time.Duration `env:"SPONSORSYNC_CLOUD_GRACE"`                     // after Timeout, how long the cloud may still be at work on what got no answer
	Rate            int           `env:"SPONSORSYNC_CLOUD_RATE"`                      // requests a minute, all workers together; 0 is no limit
	Burst           int           `env:"SPONSORSYNC_CLOUD_BURST"`                     // requests at once
}

// Redis is where queue and ledger are.
type Redis struct {
	URL secret.Address `env:"REDIS_URL"`

	CAFile   string `env:"SPONSORSYNC_REDIS_CA_FILE"`
	CertFile string `env:"SPONSORSYNC_REDIS_CERT_FILE"`
	KeyFile  string `env:"SPONSORSYNC_REDIS_TLS_KEY_FILE"`
}

// TLS is what stands in those files.
func (r Redis) TLS() TLS { return TLS{r.CAFile, r.CertFile, r.KeyFile} }

// NATS is where events go.
type NATS struct {
	URL       secret.Address `env:"NATS_URL"` // one server, or several separated by commas
	CredsFile string         `env:"SPONSORSYNC_NATS_CREDS_FILE"`
	NKeyFile  string         `env:"SPONSORSYNC_NATS_NKEY_FILE"` // never beside CredsFile
	Domain    string         `env:"SPONSORSYNC_NATS_DOMAIN"`    // of JetStream; "" is that of the server
	Replicas  int            `env:"SPONSORSYNC_NATS_REPLICAS"`

	StreamBytes Bytes `env:"SPONSORSYNC_NATS_STREAM_BYTES"` // the event stream drops its oldest events above it

	CAFile   string `env:"SPONSORSYNC_NATS_CA_FILE"`
	CertFile string `env:"SPONSORSYNC_NATS_CERT_FILE"`
	KeyFile  string `env:"SPONSORSYNC_NATS_TLS_KEY_FILE"`
}

// TLS is what stands in those files.
func (n NATS) TLS() TLS { return TLS{n.CAFile, n.CertFile, n.KeyFile} }

// Traces is where spans go (the names are OpenTelemetry's own). Without an endpoint nobody traces.
type Traces struct {
	Endpoint string      `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`        // of which traces go to /v1/traces
	URL      string      `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"` // whole; beats Endpoint
	Headers  secret.Text `env:"OTEL_EXPORTER_OTLP_HEADERS"`         // name=value, by commas; may hold a key
	Service  string      `env:"OTEL_SERVICE_NAME"`
	Resource string      `env:"OTEL_RESOURCE_ATTRIBUTES"` // name=value, by commas
	Exporter string      `env:"OTEL_TRACES_EXPORTER"`
	Disabled bool        `env:"OTEL_SDK_DISABLED"`
	Protocol string      `env:"OTEL_EXPORTER_OTLP_PROTOCOL"`
}

// Log is how much is logged, and in which form.
type Log struct {
	Level  string `env:"SPONSORSYNC_LOG_LEVEL"`  // a level that zerolog.ParseLevel knows
	Format string `env:"SPONSORSYNC_LOG_FORMAT"` // "json" or "console"
}

// Retry bounds the wait between two tries of a job.
type Retry struct {
	Base time.Duration `env:"SPONSORSYNC_RETRY_BASE"`
	Max  time.Duration `env:"SPONSORSYNC_RETRY_MAX"` // at least Base
}

// Schedule is how often things happen by themselves.
type Schedule struct {
	SyncInterval  time.Duration `env:"SPONSORSYNC_SYNC_INTERVAL"`  // between scheduled syncs of one organization
	SweepInterval time.Duration `env:"SPONSORSYNC_SWEEP_INTERVAL"` // between two looks for what is due or stuck
}

// License is where licenses go and what their signature is checked with.
type License struct {
	Dir      string `env:"SPONSORSYNC_LICENSE_DIR"`
	CertFile string `env:"SPONSORSYNC_LICENSE_CERT_FILE"` // "" leaves signatures unchecked
}

// Worker is what the worker and its preflight need.
type Worker struct {
	Cloud    Cloud
	Redis    Redis
	NATS     NATS
	Log      Log
	Traces   Traces
	Retry    Retry
	Schedule Schedule
	License  License

	EncryptionKeys   Keyring       `env:"SPONSORSYNC_ENCRYPTION_KEY"`
	Listen           string        `env:"SPONSORSYNC_WORKER_LISTEN"`     // health and metrics
	Concurrency      int           `env:"SPONSORSYNC_CONCURRENCY"`       // handlers that do not call the cloud
	CloudConcurrency int           `env:"SPONSORSYNC_CLOUD_CONCURRENCY"` // handlers that do
	BatchSize        int           `env:"SPONSORSYNC_BATCH_SIZE"`        // rows in one request
	ShutdownTimeout  time.Duration `env:"SPONSORSYNC_SHUTDOWN_TIMEOUT"`
	ForgetAfter      time.Duration `env:"SPONSORSYNC_FORGET_AFTER"` // how long what is over keeps address and name
}

// Producer is what the producer's commands need.
type Producer struct {
	Redis  Redis
	NATS   NATS
	Log    Log
	Traces Traces

	EncryptionKeys Keyring `env:"SPONSORSYNC_ENCRYPTION_KEY"` // empty if neither set nor required
}

// Server is what producer serve needs.
type Server struct {
	Producer
	Schedule Schedule
	Bridge   Bridge

	Listen      string      `env:"SPONSORSYNC_LISTEN"`
	BasePath    string      `env:"SPONSORSYNC_BASE_PATH"` // in front of every address, such as "/sponsorsync"; "" is none
	APIToken    secret.Text `env:"SPONSORSYNC_API_TOKEN"`
	ReadToken   secret.Text `env:"SPONSORSYNC_READ_TOKEN"`  // may look, and change nothing; empty: nobody has it
	HookSecrets HookSecrets `env:"SPONSORSYNC_HOOK_SECRET"` // empty refuses signed hooks; set if AlertURL is

	AlertURL        secret.Address `env:"SPONSORSYNC_ALERT_URL"` // "" tells nobody
	ShutdownTimeout time.Duration  `env:"SPONSORSYNC_SHUTDOWN_TIMEOUT"`
}

// LoadWorker returns the worker's settings, or an [*Error] with every fault.
// The settings without a fault are filled in even then, so that a preflight can
// go on and check them.
func LoadWorker(e Environ) (Worker, error) {
	var w Worker
	l := fill(e, &w)
	l.require(EncryptionKey)
	l.requireInstallation(w.Cloud)
	l.checkOrder(w.Retry)
	l.checkConnections(w.Redis, w.NATS)
	w.Cloud.normalize()
	return w, l.err()
}

// LoadProducer returns the settings of the producer's commands. A command names
// what it cannot do without, such as [EncryptionKey] for one that stores a
// token; what nobody requires is still checked if it is set.
func LoadProducer(e Environ, required ...string) (Producer, error) {
	var p Producer
	l := fill(e, &p)
	l.require(required...)
	l.checkConnections(p.Redis, p.NATS)
	return p, l.err()
}

// LoadServer returns the settings of producer serve.
func LoadServer(e Environ) (Server, error) {
	var s Server
	l := fill(e, &s)
	l.require(EncryptionKey, apiToken)
	l.findDatabase(&s.Bridge)
	l.checkConnections(s.Redis, s.NATS)
	if given := s.ReadToken.Reveal(); given != "" && given == s.APIToken.Reveal() {
		l.fault(lookup(readToken), readToken, "is the same as "+apiToken+", want another: whoever has it may only look")
	}
	if s.AlertURL != "" {
		l.require(hookSecret)
	}
	return s, l.err()
}

// requireInstallation demands what the cloud's token endpoint asks for (fact
// sheet 1.1), but only of those who let the cloud be called.
func (l *loader) requireInstallation(c Cloud) {
	if !c.Enabled {
		return
	}
	for _, name := range []string{installationID, installationKey} {
		if l.values[name] == "" {
			l.fault(lookup(name), name, "required while "+cloudSwitch+" is true, want the value from https://bitwarden.com/host")
		}
	}
}

// checkOrder leaves a Max with a fault of its own, which is zero, alone.
func (l *loader) checkOrder(r Retry) {
	if r.Max > 0 && r.Base > r.Max {
		l.fault(lookup(retryBase), retryBase, fmt.Sprintf("got %s, want at most %s, which is %s", r.Base, retryMax, r.Max))
	}
}

// normalize gives equal settings one form, whatever way they were written.
func (c *Cloud) normalize() {
	c.Region = strings.ToUpper(c.Region)
	for _, u := range []*string{&c.IdentityURI, &c.APIURI, &c.PushRelayURI} {
		*u = strings.TrimRight(strings.TrimSpace(*u), "/")
	}
}
