package config

import (
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// A Part is a program that runs apart from the others, such as in a container.
type Part int

// The parts.
const (
	PartWorker Part = iota
	PartServe       // producer serve, without the bridge
	PartBridge      // producer bridge
)

// names are those that a part reads.
func (p Part) names() ([]string, error) {
	switch p {
	case PartWorker:
		return namesOf(&Worker{})
	case PartBridge:
		return namesOf(&Producer{}, &Bridge{}, &serverDatabase{})
	}
	all, err := namesOf(&Server{})
	if err != nil {
		return nil, err
	}
	bridge, err := namesOf(&Bridge{})
	return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(bridge, name) }), err
}

func namesOf(settings ...any) ([]string, error) {
	var names []string
	for _, s := range settings {
		fields, err := env.GetFieldParams(s)
		if err != nil {
			return nil, err
		}
		for _, f := range fields {
			names = append(names, f.Key)
		}
	}
	return names, nil
}

// With returns e with values for names that nothing else sets.
func (e Environ) With(defaults map[string]string) Environ {
	out := Environ{values: map[string]string{}, conflicts: e.conflicts}
	for name, value := range e.values {
		out.values[name] = value
	}
	for name, value := range defaults {
		if v := lookup(name); out.get(name) == "" && out.get(v.FileForm()) == "" {
			out.values[name] = value
		}
	}
	return out
}

// Share returns what is set of the variables that a part reads, and nothing else,
// as the lines of an env file. What a file held stands in its place: the part may
// be where that file is not. The error is an [*Error].
func (e Environ) Share(part Part) ([]string, error) {
	names, err := part.names()
	if err != nil {
		return nil, err
	}
	l := &loader{environ: e, values: map[string]string{}, faulty: map[string]bool{}}
	var lines []string
	for _, v := range variables {
		if !slices.Contains(names, v.Name) {
			continue
		}
		if _, value := l.given(v); value != "" {
			lines = append(lines, l.line(v, value))
		}
	}
	return lines, l.err()
}

// line writes a value in the first form that reads as the same.
func (l *loader) line(v Variable, value string) string {
	for _, quote := range []string{"", "'", `"`} {
		line := v.Name + "=" + quote + value + quote
		if read, fault := parseLine(line); fault == "" && read.value == value && !strings.ContainsAny(value, "\r\n") {
			return line
		}
	}
	l.fault(v, v.Name, "its value cannot be written into an env file: it holds a line break, or quotes of both kinds")
	return ""
}
