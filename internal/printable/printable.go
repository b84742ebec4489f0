// Package printable shows foreign text to people: what came from an event, a file, a
// database or a server may hold characters that a terminal obeys. They are shown as
// \uXXXX, which in a JSON document means the same.
package printable

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// obeyed reports what a terminal does not show but does: control characters, and those
// that turn the direction of the text or end its line.
func obeyed(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return r >= 0xe0000 && r <= 0xe007f // an invisible alphabet
}

// Clean returns text as it may be shown.
func Clean(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, obeyed) {
		return text
	}
	var clean strings.Builder
	for _, r := range text { // a broken byte comes as the replacement character
		if !obeyed(r) {
			clean.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&clean, `\u%04x`, unit)
		}
	}
	return clean.String()
}

// Line returns text as it may be shown within a line, which it cannot end.
func Line(text string) string {
	return strings.NewReplacer("\n", `\u000a`, "\t", `\u0009`).Replace(Clean(text))
}

// Writer cleans what is written, wherever that is cut.
func Writer(to io.Writer) io.Writer { return &writer{to: to} }

type writer struct {
	to   io.Writer
	tail []byte // of the last write: the beginning of a character
}

// Write implements [io.Writer].
func (w *writer) Write(p []byte) (int, error) {
	text := append(w.tail, p...)
	end := len(text)
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if start := len(text) - back; utf8.RuneStart(text[start]) {
			if !utf8.FullRune(text[start:]) {
				end = start
			}
			break
		}
	}
	w.tail = append([]byte(nil), text[end:]...)
	if _, err := io.WriteString(w.to, Clean(string(text[:end]))); err != nil {
		return 0, err
	}
	return len(p), nil
}
