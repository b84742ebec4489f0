package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// Whatever prints or encodes it, alone or within something else, shows nothing.
func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	const text = "hunter2"
	type record struct {
		Token  secret.Text
		Server secret.Address
		Nested []any
	}
	value := record{text, "redis://user:" + text + "@host:1/0?password=" + text, []any{secret.Text(text)}}
	var log bytes.Buffer
	logger := zerolog.New(&log)
	for _, v := range []any{value, &value, value.Token, value.Server, []secret.Text{text}, map[string]any{"k": value.Token}} {
		logger.Info().Any("a", v).Str("b", fmt.Sprint(v)).Stringer("c", value.Token).Msgf("%v", v)
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		printed := string(encoded)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%5.2f", "%t", "%c", "%U", "%10s"} {
			printed += fmt.Sprintf(verb, v)
		}
		for _, form := range []string{text, fmt.Sprintf("%x", text)} {
			if strings.Contains(strings.ToLower(printed+log.String()), form) {
				t.Errorf("%s, %s", printed, &log)
			}
		}
	}
}

func TestRevealAndDecode(t *testing.T) {
	t.Parallel()
	var got struct{ Token secret.Text }
	if err := json.Unmarshal([]byte(`{"Token":"hunter2"}`), &got); err != nil || got.Token.Reveal() != "hunter2" {
		t.Errorf("got %q, %v", got.Token.Reveal(), err)
	}
}

func TestAddressString(t *testing.T) {
	t.Parallel()
	tests := map[secret.Address]string{
		"redis://127.0.0.1:6379/0":        "redis://127.0.0.1:6379/0",
		"redis://u:p@h:1/2?password=x":    "redis://h:1/2",
		"nats://t@a:1,nats://u:p@b:2":     "nats://a:1,nats://b:2",
		"nats://a:1,nats://b:2":           "nats://a:1,nats://b:2",
		"t@a:4222":                        "a:4222",
		"redis://:1,2@h":                  "redis://h",
		"redis://:p?w@h":                  "redis://h",
		"redis://:p/w@h":                  "redis://h",
		"unix://u:p@/run/redis.sock?db=1": "unix:///run/redis.sock",
		"":                                "",
	}
	for address, want := range tests {
		if got := address.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if address.Reveal() != string(address) {
			t.Errorf("%q: Reveal changes it", want)
		}
	}
}

func TestTextTellsWhetherItIsSet(t *testing.T) {
	t.Parallel()
	if got := fmt.Sprintf("%v|%v|%#v", secret.Text(""), secret.Text("x"), secret.Text("x")); got != `|[redacted]|"[redacted]"` {
		t.Errorf("got %s", got)
	}
	if secret.Text("x").GoString() != `"[redacted]"` || secret.Address("nats://t@h").GoString() != `"nats://h"` {
		t.Error("GoString must be redacted and quoted")
	}
}
