package config

import (
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/joho/godotenv"
)

// assignment is one variable with the spelling its source used.
type assignment struct{ name, value string }

// readEnvFile reads KEY=VALUE lines as they stand in bwdata/env (PROTOCOL.md
// 7.3): raw or quoted, nothing expanded, the last of two equal names wins. A
// byte order mark, CRLF, blank lines, comments and "export" are tolerated.
//
// Lines are parsed one by one because godotenv alone neither names the line nor
// keeps its content, which may be secret, out of the error.
func readEnvFile(path string) ([]assignment, []Fault) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, []Fault{{path, "this env file cannot be read: " + reason(err), true}}
	}
	if !utf8.Valid(content) {
		return nil, []Fault{{path, "this env file is not UTF-8 text", true}}
	}
	var found []assignment
	var faults []Fault
	number := 0
	for line := range strings.SplitSeq(strings.TrimPrefix(string(content), "\ufeff"), "\n") {
		number++
		a, message := parseLine(strings.TrimSpace(line))
		switch {
		case message != "":
			faults = append(faults, Fault{path, fmt.Sprintf("line %d %s", number, message), true})
		case isOurs(a.name), isGos(a.name):
			found = append(found, a)
		}
	}
	return found, faults
}

// parseLine returns an empty assignment for a blank line or a comment. Values
// of names that are not ours are not looked at: their owner may quote as it likes.
func parseLine(line string) (assignment, string) {
	if line == "" || line[0] == '#' {
		return assignment{}, ""
	}
	name, value, found := strings.Cut(line, "=")
	name = strings.TrimSpace(strings.TrimPrefix(name, "export "))
	if !found || name == "" || strings.ContainsFunc(name, unicode.IsSpace) {
		return assignment{}, "is not NAME=VALUE"
	}
	if isGos(name) {
		return assignment{name: name}, "" // what it says is for Go to read
	}
	if !isOurs(name) {
		return assignment{}, ""
	}
	value, err := unquote(name, strings.TrimSpace(value))
	if err != nil {
		return assignment{}, "has a value of " + name + " that is not quoted correctly"
	}
	return assignment{name, value}, ""
}

// unquote lets godotenv take quotes, escapes and a trailing comment off a value.
// A '$' is kept from it, except in single quotes where it has no meaning anyway.
func unquote(name, value string) (string, error) {
	if strings.HasPrefix(value, `"`) && isConnectionString(name) {
		return value, nil // its reader knows these quotes and those within
	}
	if !strings.HasPrefix(value, "'") {
		value = strings.ReplaceAll(value, "$", `\$`)
	}
	parsed, err := godotenv.Unmarshal(name + "=" + value)
	if err != nil {
		return "", err
	}
	if len(parsed) != 1 {
		return "", want("nothing after the closing quote")
	}
	return parsed[name], nil
}
