package config

// Probes says where the programs of this machine serve /healthz and /readyz.
type Probes struct {
	Worker string `env:"SPONSORSYNC_WORKER_LISTEN"`
	Serve  string `env:"SPONSORSYNC_LISTEN"`
	Bridge string `env:"SPONSORSYNC_BRIDGE_LISTEN"` // "" where the bridge serves none
}

// LoadProbes returns the addresses. Nothing else has to be set, or sound: the
// program that runs has been through its own settings.
func LoadProbes(e Environ) (Probes, error) {
	var p Probes
	l := fill(e, &p)
	return p, l.err()
}
