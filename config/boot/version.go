package boot

import "runtime/debug"

// Version is the module's version as the build recorded it, "(devel)" for none.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
