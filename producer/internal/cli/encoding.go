package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// errUTF16 is said of a file whose letters are two bytes each, and that does not say
// in which order.
var errUTF16 = errors.New("is UTF-16 without a byte order mark; save it as 'CSV UTF-8'")

// decodeText reads a file as spreadsheets write it: UTF-8, or UTF-16 with a byte order
// mark. Other encodings are refused by the line where they show: a name that was
// guessed wrong would be sent to the cloud broken.
func decodeText(source io.Reader) ([]byte, error) {
	text, err := io.ReadAll(transform.NewReader(source, unicode.BOMOverride(transform.Nop)))
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(text[:min(len(text), 1<<10)], 0) >= 0 {
		return nil, lineFaults{{1, errUTF16.Error()}}
	}
	line := 1
	for part := range bytes.Lines(text) {
		if !utf8.Valid(part) {
			return nil, lineFaults{{line, fmt.Sprintf("is not UTF-8 (byte %d), probably Windows-1252 or Latin-1; save the file as 'CSV UTF-8'", firstInvalid(part)+1)}}
		}
		line++
	}
	return text, nil
}

func firstInvalid(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(text)
}

// separatorOf tells what separates the columns of a header: what most of it is.
func separatorOf(header []byte) rune {
	best, most := ',', 0
	for _, candidate := range ",;\t" {
		if n := bytes.Count(header, []byte(string(candidate))); n > most {
			best, most = candidate, n
		}
	}
	return best
}
