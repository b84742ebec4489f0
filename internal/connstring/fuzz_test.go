package connstring_test

import (
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

// Whatever a password holds, quoted by the rules of ADO.NET it comes back as it
// was, and no garbage behind it makes an error that shows it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "a;b", `a"b`, "a'b", ` a"";'' `, "a=b", `\"`, "\x00", "ä"} {
		f.Add(seed, false, "")
		f.Add(seed, true, ";x")
	}
	f.Fuzz(func(t *testing.T, password string, double bool, garbage string) {
		quote := map[bool]string{true: `"`, false: `'`}[double]
		quoted := quote + strings.ReplaceAll(password, quote, quote+quote) + quote
		text := "Server=h;Database=d;User ID=u;Password=" + quoted
		got, err := connstring.Parse(connstring.MySQL, text)
		if err != nil || got.Password.Reveal() != password {
			t.Fatalf("%q: got %q, %v", text, got.Password.Reveal(), err)
		}
		for _, engine := range []connstring.Engine{connstring.SQLServer, connstring.PostgreSQL, connstring.MySQL, connstring.SQLite} {
			_, err := connstring.Parse(engine, "Password="+quoted+garbage)
			if len(password) > 12 && err != nil && strings.Contains(err.Error(), password) {
				t.Fatalf("%v shows the password", err)
			}
		}
		_, _ = connstring.ParseURL(garbage)
	})
}
