package state

import "strings"

// ParseInfo reads Redis' answer to INFO: each field by its name, whatever its section. go-redis'
// own InfoMap would panic on a server that sends one before the first section's title.
func ParseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			info[name] = value
		}
	}
	return info
}
