package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/internal/redisurl"
)

// maxCount bounds counts to what the typed settings hold on every platform.
const maxCount = 1<<31 - 1

// want returns an expectation: the second half of a fault's message.
func want(format string, args ...any) error { return fmt.Errorf("want "+format, args...) }

// accepts turns a parser into a check.
func accepts[T any](parse func(string) (T, error)) func(string) error {
	return func(value string) error {
		_, err := parse(value)
		return err
	}
}

// parseBool reads what .NET reads, so that one file serves both programs: the
// two words in any case, and no digits.
func parseBool(value string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, want("true or false")
}

func boolean(value string) error { return accepts(parseBool)(value) }

func region(value string) error {
	if !strings.EqualFold(value, "US") && !strings.EqualFold(value, "EU") {
		return want("US or EU")
	}
	return nil
}

func oneOf(options ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(options, value) {
			return want("one of %s", strings.Join(options, ", "))
		}
		return nil
	}
}

func wholeNumber(low, high int) func(string) error {
	return func(value string) error {
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case err == nil && n >= int64(low) && n <= int64(high):
			return nil
		case high == maxCount:
			return want("a whole number, at least %d", low)
		}
		return want("a whole number from %d to %d", low, high)
	}
}

func duration(value string) error {
	if d, err := time.ParseDuration(value); err != nil || d <= 0 {
		return want("a positive duration such as 500ms, 30s or 24h")
	}
	return nil
}

// uuidText accepts the plain form only; the parser alone also takes braces and URNs.
func uuidText(value string) error {
	if id, err := uuid.Parse(value); err != nil || !strings.EqualFold(id.String(), value) {
		return want("a UUID such as 01234567-89ab-cdef-0123-456789abcdef")
	}
	return nil
}

// uri accepts https anywhere and http on this machine only, since the
// installation key travels over it.
func uri(value string) error {
	u, err := url.Parse(strings.TrimSpace(value))
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return want("a URI such as https://api.bitwarden.com, without user, query or fragment")
	case u.Scheme == "https" || (u.Scheme == "http" && isLoopback(u.Hostname())):
		return nil
	}
	return want("https (http is for loopback addresses only)")
}

// alertURL is a URI that may hold what lets one in.
func alertURL(value string) error {
	u, err := url.Parse(strings.TrimSpace(value))
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return want("an https URL (http is for loopback addresses only)")
	}
	return nil
}

// httpURL also takes http: a collector stands in the same network, and is told ids alone.
func httpURL(value string) error {
	u, err := url.Parse(strings.TrimSpace(value))
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return want("a URL such as http://127.0.0.1:4318")
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || (err == nil && addr.IsLoopback())
}

func redisURL(value string) error { return accepts(redisurl.Parse)(value) }

// natsURLs allows what the NATS client allows: a list, and hosts without a scheme.
func natsURLs(value string) error {
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if !strings.Contains(part, "://") {
			part = "nats://" + part
		}
		u, err := url.Parse(part)
		if err != nil || u.Hostname() == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return want("nats://host:port (or tls, ws, wss); several, separated by commas")
		}
	}
	return nil
}

func listenAddress(value string) error {
	_, port, err := net.SplitHostPort(value)
	if err != nil || wholeNumber(0, 65535)(port) != nil {
		return want("host:port such as 127.0.0.1:8080")
	}
	return nil
}

// plainPath is one or more segments that need no escaping; dots alone would lead elsewhere.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

func basePath(value string) error {
	if !plainPath.MatchString(value) {
		return want("a path such as /sponsorsync, of letters, digits and - . _ ~, without a slash at its end")
	}
	return nil
}

// leastToken is what no machine guesses, of characters that people can type.
const leastToken = 32

func token(value string) error {
	if strings.TrimSpace(value) != value || len(value) < leastToken || monotonous(value) {
		return want("a random token of %d characters or more, without spaces around it (openssl rand -base64 %d)", leastToken, leastToken)
	}
	return nil
}

// monotonous finds what nobody has drawn by chance: 32 random bytes hold fewer than
// eight different ones less often than once in 10^40 times, 32 hexadecimal digits less
// often than once in 10^7.
func monotonous(text string) bool {
	seen := map[byte]bool{}
	for i := range len(text) {
		seen[text[i]] = true
	}
	return len(seen) < 8
}

func readableFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return want("a readable file: %s", reason(err))
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return want("a readable file, not a folder")
	}
	return nil
}
