package config

import (
	"strings"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

// EncryptionKey is the one variable that some commands need and others do not;
// see [LoadProducer].
const EncryptionKey = "SPONSORSYNC_ENCRYPTION_KEY"

const (
	envFile         = "SPONSORSYNC_ENV_FILE"
	apiToken        = "SPONSORSYNC_API_TOKEN"
	hookSecret      = "SPONSORSYNC_HOOK_SECRET"
	readToken       = "SPONSORSYNC_READ_TOKEN"
	cloudSwitch     = "globalSettings__enableCloudCommunication"
	cloudRegion     = "globalSettings__baseServiceUri__cloudRegion"
	installationID  = "globalSettings__installation__id"
	installationKey = "globalSettings__installation__key"
	natsCredsFile   = "SPONSORSYNC_NATS_CREDS_FILE"
	natsNKeyFile    = "SPONSORSYNC_NATS_NKEY_FILE"
	retryBase       = "SPONSORSYNC_RETRY_BASE"
	retryMax        = "SPONSORSYNC_RETRY_MAX"
)

// Variable is one row of the reference that help texts and the README print.
type Variable struct {
	Name    string
	Default string // "" for none
	Meaning string
	Secret  bool // its value is never printed

	fileForm  bool               // may be given as a file although its name does not tell
	euDefault string             // takes the place of Default in the EU region
	check     func(string) error // says what is expected; nil accepts everything
}

// FileForm returns the name under which a file may be given instead of the
// value, or "" if there is no such form.
func (v Variable) FileForm() string {
	if v.fileForm {
		return v.Name + "_FILE"
	}
	if !strings.HasPrefix(v.Name, ownPrefix) {
		return ""
	}
	for _, suffix := range []string{"_KEY", "_TOKEN", "_SECRET"} {
		if strings.HasSuffix(v.Name, suffix) {
			return v.Name + "_FILE"
		}
	}
	return ""
}

// Variables returns every variable that has a meaning here, in the order in
// which a reader wants to see them. The _FILE forms are not listed apart.
func Variables() []Variable { return append([]Variable(nil), variables...) }

// variables is the single source of names, defaults and rules; the README's
// table is held against it, and PROTOCOL.md 7.2 has the server's own. Read-only.
var variables = []Variable{
	{Name: cloudSwitch, Default: "false", check: boolean,
		Meaning: "Allows calls to Bitwarden's cloud. While false, every cloud job fails with cloud_communication_disabled."},
	{Name: cloudRegion, Default: "US", check: region,
		Meaning: "US or EU: which hosts are called where they are not set."},
	{Name: installationID, check: uuidText,
		Meaning: "Installation id, a UUID. Required for cloud jobs."},
	{Name: installationKey, Secret: true, fileForm: true,
		Meaning: "Installation key. Required for cloud jobs."},
	{Name: "globalSettings__installation__identityUri", Default: "https://identity.bitwarden.com", euDefault: "https://identity.bitwarden.eu", check: uri,
		Meaning: "Identity server of the cloud; bitwarden.eu in the EU region."},
	{Name: "globalSettings__installation__apiUri", Default: "https://api.bitwarden.com", euDefault: "https://api.bitwarden.eu", check: uri,
		Meaning: "API server of the cloud; bitwarden.eu in the EU region."},
	{Name: "globalSettings__pushRelayBaseUri",
		Meaning: "Read only by doctor, which warns when its region differs."},

	{Name: "REDIS_URL", Default: "redis://127.0.0.1:6379/0", Secret: true, fileForm: true, check: redisURL,
		Meaning: "Redis: queue and ledger. redis://, rediss:// or unix://."},
	{Name: redisPrefix + caFile, check: certificates,
		Meaning: "Certificates (PEM) that sign Redis' own; with them, only what these sign is trusted."},
	{Name: redisPrefix + certFile, check: certificates,
		Meaning: "Our certificate (PEM), where Redis demands one. It is read anew for each connection, so it may be renewed."},
	{Name: redisPrefix + keyFile, check: privateKey,
		Meaning: "And its private key (PEM, without a passphrase)."},
	{Name: "NATS_URL", Default: "nats://127.0.0.1:4222", Secret: true, fileForm: true, check: natsURLs,
		Meaning: "NATS server, or several separated by commas."},
	{Name: natsPrefix + caFile, check: certificates,
		Meaning: "Certificates (PEM) that sign NATS' own; with them, TLS is demanded and only what these sign is trusted."},
	{Name: natsPrefix + certFile, check: certificates,
		Meaning: "Our certificate (PEM), where NATS demands one. It is read anew for each connection, so it may be renewed."},
	{Name: natsPrefix + keyFile, check: privateKey,
		Meaning: "And its private key (PEM, without a passphrase)."},
	{Name: natsCredsFile, check: readableFile,
		Meaning: "NATS credentials file (a JWT and its seed)."},
	{Name: natsNKeyFile, check: nkeySeed,
		Meaning: "File with the seed of a user's NKEY (SU...), instead of credentials."},
	{Name: "SPONSORSYNC_NATS_DOMAIN", check: domainName,
		Meaning: "JetStream domain, where NATS_URL is a leaf node and JetStream is behind it."},
	{Name: "SPONSORSYNC_NATS_REPLICAS", Default: "1", check: oneOf("1", "3", "5"),
		Meaning: "Replicas of the event stream: 1, 3 or 5."},
	{Name: "SPONSORSYNC_NATS_STREAM_BYTES", Default: "1GiB", check: accepts(parseBytes),
		Meaning: "Size of the event stream, which drops events after 90 days or above it, whichever comes first."},
	{Name: EncryptionKey, Secret: true, check: accepts(parseKeyring),
		Meaning: "Required. Base64 of 32 random bytes; encrypts tokens and license keys at rest. Several, separated by commas: the first encrypts, all decrypt."},
	{Name: "SPONSORSYNC_LISTEN", Default: "127.0.0.1:8080", check: listenAddress,
		Meaning: "Where producer serve listens."},
	{Name: "SPONSORSYNC_BASE_PATH", check: basePath,
		Meaning: "The prefix, such as /sponsorsync, under which a proxy serves the status page and the API; the proxy keeps it."},
	{Name: "SPONSORSYNC_WORKER_LISTEN", Default: "127.0.0.1:8081", check: listenAddress,
		Meaning: "Where the worker serves /healthz, /readyz and /metrics."},
	{Name: apiToken, Secret: true, check: token,
		Meaning: "Bearer token of the HTTP API, 32 random characters or more. Required by producer serve."},
	{Name: readToken, Secret: true, check: token,
		Meaning: "A second token for the HTTP API and the status page, which may look and change nothing."},
	{Name: hookSecret, Secret: true, check: accepts(parseHookSecrets),
		Meaning: "whsec_..., Standard Webhooks; several allow rotation. Without it signed hooks are refused."},
	{Name: "SPONSORSYNC_ALERT_URL", Secret: true, check: alertURL,
		Meaning: "Where to post what somebody must act on: no worker, held, damaged, a token that is refused, dead jobs, a bound that is near. Signed with the first SPONSORSYNC_HOOK_SECRET."},
	{Name: "SPONSORSYNC_CONCURRENCY", Default: "16", check: wholeNumber(1, maxCount),
		Meaning: "Handlers for jobs that do not call the cloud."},
	{Name: "SPONSORSYNC_CLOUD_CONCURRENCY", Default: "8", check: wholeNumber(1, maxCount),
		Meaning: "Handlers for jobs that call the cloud. Half of them, two at least, are for what somebody waits for (a sync by hand, a fresh redeem, a license); one at least is for the rest."},
	{Name: "SPONSORSYNC_BATCH_SIZE", Default: "1000", check: wholeNumber(1, 1000),
		Meaning: "Rows in one request to the cloud, at most 1000."},
	{Name: "SPONSORSYNC_CLOUD_RATE", Default: "60", check: wholeNumber(0, maxCount),
		Meaning: "Requests a minute to the cloud, of all workers together; 0 is no limit."},
	{Name: "SPONSORSYNC_CLOUD_BURST", Default: "5", check: wholeNumber(1, maxCount),
		Meaning: "Requests at once within that rate."},
	{Name: "SPONSORSYNC_CLOUD_TIMEOUT", Default: "100s", check: duration,
		Meaning: "Longest wait for one answer of the cloud, as the official client waits."},
	{Name: "SPONSORSYNC_CLOUD_GRACE", Default: "5m", check: duration,
		Meaning: "How long after that the cloud may still be at work on a request that got no answer; its rows do not leave again before."},
	{Name: "SPONSORSYNC_SYNC_INTERVAL", Default: "24h", check: duration,
		Meaning: "Time between scheduled syncs of one organization."},
	{Name: "SPONSORSYNC_SWEEP_INTERVAL", Default: "15s", check: duration,
		Meaning: "How often to look for syncs that are due and work that is stuck."},
	{Name: retryBase, Default: "2s", check: duration,
		Meaning: "Wait before the first retry; it grows from there."},
	{Name: retryMax, Default: "1h", check: duration,
		Meaning: "Longest wait between two tries."},
	{Name: "SPONSORSYNC_LICENSE_DIR", Default: "licenses",
		Meaning: "Licenses are written to organization/ORG.json below it, for you to upload to the server; not its own folder, where a file without the upload makes it disable the organization."},
	{Name: "SPONSORSYNC_LICENSE_CERT_FILE", check: readableFile,
		Meaning: "Certificate; with it the license's signature is verified."},
	{Name: "SPONSORSYNC_SHUTDOWN_TIMEOUT", Default: "120s", check: duration,
		Meaning: "How long running work may take after SIGTERM; longer than SPONSORSYNC_CLOUD_TIMEOUT, or a deploy cuts requests off."},
	{Name: "SPONSORSYNC_FORGET_AFTER", Default: "2160h", check: duration,
		Meaning: "How long after its end a sponsorship keeps address and name; 2160h is 90 days. Dead jobs keep theirs for 30 days."},
	{Name: bridgeMode, Default: "off", check: oneOf(BridgeOff, BridgeRead, BridgeFull),
		Meaning: "read: the self-hosted server's own database is read, and the cloud told; nothing is written there. full: members also see in the web vault what became of their offers, and withdrawn ones go."},
	{Name: bridgeDatabase, Secret: true, fileForm: true,
		Meaning: "That database, for a user with few rights: postgres://, mysql://, sqlserver:// or sqlite:///path. Without it the server's own settings, below, say where it is."},
	{Name: bridgeInterval, Default: "5s", check: duration,
		Meaning: "Time between two questions whether anything changed there."},
	{Name: bridgeGrace, Default: "2m", check: duration,
		Meaning: "How long a row must be gone there before it is taken for a revoke."},
	{Name: "SPONSORSYNC_BRIDGE_LISTEN", check: listenAddress,
		Meaning: "Where a producer bridge that runs by itself serves /healthz, /readyz and /metrics; nowhere without it."},
	{Name: bridgeOrphans, Default: "report", check: oneOf("report", "withdraw"),
		Meaning: "A sponsorship whose member's account is gone: report shows it, withdraw also withdraws it."},
	{Name: databaseProvider, check: accepts(connstring.Provider),
		Meaning: "The server's engine: sqlserver, postgres, postgresql, mysql, mariadb or sqlite. The server takes nothing for sqlserver."},
	{Name: connectionString(connstring.SQLServer), Secret: true, fileForm: true,
		Meaning: "The server's own connection string, as it stands in its env file; so are the next three."},
	{Name: connectionString(connstring.PostgreSQL), Secret: true, fileForm: true,
		Meaning: "For PostgreSQL."},
	{Name: connectionString(connstring.MySQL), Secret: true, fileForm: true,
		Meaning: "For MySQL and MariaDB."},
	{Name: connectionString(connstring.SQLite), Secret: true, fileForm: true,
		Meaning: "For SQLite."},
	{Name: litePrefix + "PROVIDER", check: accepts(connstring.Provider),
		Meaning: "The engine of a server that runs as one container; it beats the provider above, and a connection string beats the rest of these."},
	{Name: litePrefix + "SERVER", Meaning: "Its host."},
	{Name: litePrefix + "PORT", check: wholeNumber(1, 65535), Meaning: "Its port."},
	{Name: litePrefix + "DATABASE", Meaning: "Its name."},
	{Name: litePrefix + "USERNAME", Meaning: "The user who signs in."},
	{Name: litePrefix + "PASSWORD", Secret: true, Meaning: "And the password."},
	{Name: litePrefix + "FILE", Default: "/etc/bitwarden/vault.db", Meaning: "The file, for SQLite."},

	{Name: envFile,
		Meaning: "An env file to read before those of --env-file, so that every command in a container finds the settings."},
	{Name: "SPONSORSYNC_LOG_LEVEL", Default: "info", check: oneOf("trace", "debug", "info", "warn", "error"),
		Meaning: "trace, debug, info, warn or error."},
	{Name: "SPONSORSYNC_LOG_FORMAT", Default: "json", check: oneOf("json", "console"),
		Meaning: "json or console."},
	{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", check: httpURL,
		Meaning: "An OpenTelemetry collector, such as http://127.0.0.1:4318; traces go to /v1/traces there. Without an endpoint nothing is traced. What else the OpenTelemetry SDK for Go reads, such as OTEL_TRACES_SAMPLER, it reads from the real environment."},
	{Name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", check: httpURL,
		Meaning: "The whole URL for traces, in place of that."},
	{Name: "OTEL_EXPORTER_OTLP_HEADERS", Secret: true,
		Meaning: "Headers for the collector: name=value, separated by commas."},
	{Name: "OTEL_EXPORTER_OTLP_PROTOCOL", Default: "http/protobuf", check: oneOf("http/protobuf"),
		Meaning: "http/protobuf alone."},
	{Name: "OTEL_TRACES_EXPORTER", Default: "otlp", check: oneOf("otlp", "none"),
		Meaning: "otlp, or none to trace nothing."},
	{Name: "OTEL_SERVICE_NAME",
		Meaning: "What the traces call the program; sponsorsync-worker or sponsorsync-producer if unset."},
	{Name: "OTEL_RESOURCE_ATTRIBUTES",
		Meaning: "More about it: name=value, separated by commas."},
	{Name: "OTEL_SDK_DISABLED", Default: "false", check: boolean,
		Meaning: "true traces nothing."},
}
