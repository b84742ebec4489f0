package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// loader fills one program's settings and collects the faults on the way. A
// variable has at most one: those that follow from the first would only confuse.
type loader struct {
	environ Environ
	values  map[string]string // what passed its check, and the defaults
	faulty  map[string]bool   // by the table's name
	faults  []Fault
}

// fill resolves every name that the struct's tags ask for and sets the fields.
// Fields whose variable has a fault stay zero.
func fill(e Environ, settings any) *loader {
	l := &loader{environ: e, values: map[string]string{}, faulty: map[string]bool{}}
	l.read(settings)
	return l
}

// read fills one struct more.
func (l *loader) read(settings any) {
	fields, err := env.GetFieldParams(settings)
	if err == nil {
		for _, field := range fields {
			l.resolve(lookup(field.Key))
		}
		err = env.ParseWithOptions(settings, env.Options{Environment: l.values, FuncMap: parsers()})
	}
	if err != nil { // a tag without a parser: ours to correct, yet never to hide
		l.faults = append(l.faults, Fault{Name: "settings", Message: err.Error()})
	}
}

// parsers holds the types that the env library does not read the way we do.
func parsers() map[reflect.Type]env.ParserFunc {
	return map[reflect.Type]env.ParserFunc{
		reflect.TypeFor[bool]():        func(v string) (any, error) { return parseBool(v) },
		reflect.TypeFor[Bytes]():       func(v string) (any, error) { return parseBytes(v) },
		reflect.TypeFor[Keyring]():     func(v string) (any, error) { return parseKeyring(v) },
		reflect.TypeFor[HookSecrets](): func(v string) (any, error) { return parseHookSecrets(v) },
	}
}

// lookup returns a name's row; a name without one has no rule and no default.
func lookup(name string) Variable {
	i := slices.IndexFunc(variables, func(v Variable) bool { return v.Name == name })
	if i < 0 {
		return Variable{Name: name}
	}
	return variables[i]
}

func (l *loader) resolve(v Variable) {
	name, value := l.given(v)
	switch {
	case l.faulty[v.Name]:
	case value == "":
		if fallback := l.fallback(v); fallback != "" {
			l.values[v.Name] = fallback
		}
	default:
		l.accept(v, name, value)
	}
}

// given returns the value and the name it came under, which is the _FILE form
// if that one was used.
func (l *loader) given(v Variable) (name, value string) {
	if conflict := l.environ.conflict(v.Name); conflict != "" {
		l.fault(v, v.Name, conflict)
		return v.Name, ""
	}
	value = l.environ.get(v.Name)
	path := l.environ.get(v.FileForm())
	switch {
	case path == "":
		return v.Name, value
	case value != "":
		l.fault(v, v.Name, fmt.Sprintf("set together with %s; want only one of the two", v.FileForm()))
		return v.Name, ""
	}
	return v.FileForm(), l.readSecretFile(v, path)
}

// readSecretFile drops one trailing newline, which editors add; more is content.
func (l *loader) readSecretFile(v Variable, path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		l.fault(v, v.FileForm(), fmt.Sprintf("got %q, want a readable file: %s", path, reason(err)))
		return ""
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if strings.TrimSpace(value) == "" {
		l.fault(v, v.FileForm(), fmt.Sprintf("got %q, which is empty", path))
	}
	return value
}

func (l *loader) fallback(v Variable) string {
	if v.euDefault != "" && strings.EqualFold(l.environ.get(cloudRegion), "EU") {
		return v.euDefault
	}
	return v.Default
}

func (l *loader) accept(v Variable, name, value string) {
	if v.check == nil {
		l.values[v.Name] = value
		return
	}
	err := v.check(value)
	switch {
	case err == nil:
		l.values[v.Name] = value
	case v.Secret || strings.Contains(value, "@"): // a URI may hold a password
		l.fault(v, name, "got something else (not shown), "+err.Error())
	default:
		l.fault(v, name, fmt.Sprintf("got %.100q, %s", value, err))
	}
}

// require faults a variable that is not set. Its check says what it should be.
func (l *loader) require(names ...string) {
	for _, name := range names {
		v := lookup(name)
		if l.values[name] != "" {
			continue
		}
		message := "required"
		if form := v.FileForm(); form != "" {
			message += " (or " + form + ")"
		}
		if v.check != nil {
			message += ", " + v.check("").Error()
		}
		l.fault(v, name, message)
	}
}

func (l *loader) fault(v Variable, name, message string) {
	if l.faulty[v.Name] {
		return
	}
	l.faulty[v.Name] = true
	l.faults = append(l.faults, Fault{Name: name, Message: message})
}

func (l *loader) err() error { return asError(l.faults) }
