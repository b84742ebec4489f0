package boot

import (
	"cmp"
	"runtime/debug"
)

// What scripts/build.sh writes in where it builds a release: there the compiler
// is kept from the repository, so that equal sources are equal programs.
var (
	version = ""
	commit  = ""
	date    = ""
)

const development = "(devel)"

// Version is the release, or what the build recorded of the repository, or
// "(devel)".
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return cmp.Or(version, info.Main.Version, development)
	}
	return cmp.Or(version, development)
}

// Build is the version with the commit and its date, as far as they are known:
// "v1.2.0 (commit 1d50a3f, 2026-11-30T22:10:00Z)".
func Build() string {
	at, when := commit, date
	if info, ok := debug.ReadBuildInfo(); ok && at == "" {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				at = s.Value
			case "vcs.time":
				when = s.Value
			}
		}
	}
	if at == "" {
		return Version()
	}
	return Version() + " (commit " + at[:min(len(at), 12)] + ", " + cmp.Or(when, "date unknown") + ")"
}
