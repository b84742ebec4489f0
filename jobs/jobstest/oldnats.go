package jobstest

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
)

// NATSOfVersion answers as a NATS server of this version does as far as the
// greeting goes, and never again. It returns the URL.
func NATSOfVersion(t testing.TB, version string) string {
	t.Helper()
	listener := Value(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go greet(conn, version)
		}
	}()
	return "nats://" + listener.Addr().String()
}

// greet ends when the other side hangs up.
func greet(conn net.Conn, version string) {
	defer func() { _ = conn.Close() }()
	_, err := fmt.Fprintf(conn, "INFO {\"version\":%q,\"proto\":1,\"headers\":true,\"max_payload\":1048576,\"jetstream\":true}\r\n", version)
	for lines := bufio.NewScanner(conn); err == nil && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "PING") {
			_, err = fmt.Fprint(conn, "PONG\r\n")
		}
	}
}
