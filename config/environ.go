package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	ownPrefix    = "SPONSORSYNC_"
	serverPrefix = "globalSettings__" // names shared with the self-hosted server
	litePrefix   = "BW_DB_"           // names shared with its container
)

// Environ is the merged environment, reduced to the names that concern us. The
// zero value is an empty environment.
type Environ struct {
	values    map[string]string // by the table's spelling; blank values are unset
	conflicts map[string]string // name -> its spellings in one source, with different values
	unheeded  []string          // see [Environ.Unheeded]
}

// Read merges env files, later ones over earlier ones, and the process
// environment (as os.Environ returns it) over all files. One that the environment
// names is the first.
//
// The error is an [*Error] with everything that is wrong with the files. Stop
// then: what the files would have set is not known, so nothing else that could
// be reported is reliable.
func Read(environ, envFiles []string) (Environ, error) {
	e := Environ{values: map[string]string{}, conflicts: map[string]string{}}
	var faults []Fault
	process := processEnvironment(environ)
	for _, a := range process {
		if a.name == envFile && strings.TrimSpace(a.value) != "" {
			envFiles = append([]string{a.value}, envFiles...)
		}
	}
	for _, path := range envFiles {
		found, bad := readEnvFile(path)
		faults = append(faults, bad...)
		e.merge(found)
		for _, a := range found {
			if isGos(a.name) && !slices.Contains(e.unheeded, a.name) {
				e.unheeded = append(e.unheeded, a.name)
			}
		}
	}
	e.merge(process)
	e.unheeded = slices.DeleteFunc(e.unheeded, func(name string) bool {
		return slices.ContainsFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
	})
	return e, asError(faults)
}

// Unheeded returns the names of Go's own that stand in an env file alone, such as
// HTTPS_PROXY: Go reads them from the real environment, so that there they do nothing.
func (e Environ) Unheeded() []string { return e.unheeded }

// Unknown returns the SPONSORSYNC_ names, in any case, that mean nothing here,
// sorted. A caller warns of them: they are typing errors, or for another version.
func (e Environ) Unknown() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(e.values)) {
		if !isKnown(name) {
			names = append(names, name)
		}
	}
	return names
}

// Format prints the number of names only, whatever the verb: values may be secret.
func (e Environ) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "config.Environ(%d names)", len(e.values))
}

// merge lays one source over what is there. Within a source two spellings of a
// server's name must agree, since neither has precedence over the other.
func (e Environ) merge(source []assignment) {
	seen := map[string]assignment{}
	for _, a := range source {
		if isGos(a.name) {
			continue
		}
		name := canonical(a.name)
		before, again := seen[name]
		switch {
		case !again: // this source replaces what an earlier one said
			delete(e.conflicts, name)
		case before.name != a.name && before.value != a.value:
			e.conflicts[name] = before.name + " and " + a.name
		}
		seen[name] = a
		e.values[name] = a.value
	}
}

// get returns the value of a name, or "" if it is not set or blank. Blank is
// unset because compose files pass unset variables on as empty ones.
func (e Environ) get(name string) string {
	if value := e.values[name]; strings.TrimSpace(value) != "" {
		return value
	}
	return ""
}

// conflict says which spellings of a name contradict each other, or "".
func (e Environ) conflict(name string) string {
	if spellings := e.conflicts[name]; spellings != "" {
		return fmt.Sprintf("%s are both set, to different values", spellings)
	}
	return ""
}

func processEnvironment(environ []string) []assignment {
	var found []assignment
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && isOurs(name) {
			found = append(found, assignment{name, value})
		}
	}
	return found
}

// canonical returns the table's spelling of a server's name, which is read
// case-insensitively, and any other name as it is.
func canonical(name string) string {
	for _, v := range variables {
		shared := strings.HasPrefix(v.Name, serverPrefix) || strings.HasPrefix(v.Name, litePrefix)
		switch {
		case !shared:
		case strings.EqualFold(v.Name, name):
			return v.Name
		case strings.EqualFold(v.FileForm(), name):
			return v.FileForm()
		}
	}
	return name
}

// isGos reports whether a library reads a name from the real environment: Go's own HTTP
// and TLS (net/http, crypto/x509), or OpenTelemetry's SDK, as far as the table has it not.
func isGos(name string) bool {
	if strings.HasPrefix(name, "OTEL_") {
		return !isKnown(name)
	}
	switch strings.ToUpper(name) {
	case "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR":
		return true
	}
	return false
}

// isOurs reports whether a name concerns us: it has a meaning, or looks as if it should.
func isOurs(name string) bool {
	looksOwn := len(name) >= len(ownPrefix) && strings.EqualFold(name[:len(ownPrefix)], ownPrefix)
	return looksOwn || isKnown(canonical(name))
}

func isKnown(name string) bool {
	return name != "" && slices.ContainsFunc(variables, func(v Variable) bool {
		return name == v.Name || name == v.FileForm()
	})
}
