package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// probeTimeout is how long a program on this machine may take to answer.
const probeTimeout = 3 * time.Second

// longestAnswer is far above what our programs say of themselves.
const longestAnswer = 4 << 10

// Probe is one question to a program that runs on this machine.
type Probe struct {
	Listen  string // where it listens, as the setting says
	Setting string // whose value that is
	Path    string // /readyz or /healthz
}

// Ask returns nil when the program answers 200, and says what it answered
// otherwise.
func (p Probe) Ask(ctx context.Context) error {
	address, err := reachable(p.Listen)
	if err != nil {
		return fmt.Errorf("ask at %s (%s): %w", p.Listen, p.Setting, err)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+p.Path, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: this machine is meant
	answer, err := client.Do(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s (%s): the program has not started, or has another value of that setting", address, p.Setting)
	case err != nil:
		return fmt.Errorf("ask %s (%s): %w", address, p.Setting, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, longestAnswer)) // what has come says enough
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the program at %s answers %s: %s", address, answer.Status, strings.TrimSpace(string(body)))
	}
	return nil
}

// reachable turns an address to listen at into one to connect to: who listens
// everywhere is here, too.
func reachable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	everywhere, err := netip.ParseAddr(host)
	switch {
	case host == "", err == nil && everywhere.IsUnspecified() && everywhere.Is4():
		host = "127.0.0.1"
	case err == nil && everywhere.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}
