package printable_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/internal/printable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Mia, 100 %\t\u00fc \u6f22\n": "Mia, 100 %\t\u00fc \u6f22\n",
		"\U0001f469\u200d\U0001f467":  "\U0001f469\u200d\U0001f467", // one picture of two
		"\x1b[2J\x1b]52;c;eA==\x07":   `\u001b[2J\u001b]52;c;eA==\u0007`,
		"\u009b31m\x7f":               `\u009b31m\u007f`,
		"ok\rerror":                   `ok\u000derror`,
		"\u202egpj.exe\u2066\u2028":   `\u202egpj.exe\u2066\u2028`,
		"\U000e0041":                  `\udb40\udc41`,
		"raw \x9b31m":                 "raw \ufffd31m",
	} {
		if got := printable.Clean(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	if got, want := printable.Line("a\tb\nerror: c\x1b"), `a\u0009b\u000aerror: c\u001b`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// However a text is cut, what arrives is clean and the same; and a JSON document
// means what it meant.
func TestWriterCleansWhateverIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		document, _ := json.Marshal(text)
		for _, whole := range []string{text, string(document)} {
			var out strings.Builder
			w := printable.Writer(&out)
			for rest := whole; rest != ""; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
				_, _ = w.Write([]byte(rest[:n]))
				rest = rest[n:]
			}
			if out.String() != printable.Clean(whole) {
				t.Fatalf("cut: %q, whole: %q", out.String(), printable.Clean(whole))
			}
			if !utf8.ValidString(out.String()) || strings.ContainsFunc(out.String(), func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
				t.Fatalf("%q is not clean", out.String())
			}
		}
		var again string
		if err := json.Unmarshal([]byte(printable.Clean(string(document))), &again); err != nil || again != text {
			t.Fatalf("%q means %q (%v)", document, again, err)
		}
	})
}
