package servers

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit of the times in /proc: Linux has it at 100 a second everywhere.
const tick = 10 * time.Millisecond

// CPU returns what a server's processes, "postgresql" or "mariadb", have spent so far, with
// those that have ended. It reads /proc, so it is for Linux; elsewhere the test is skipped.
func CPU(t testing.TB, server string) (spent time.Duration) {
	t.Helper()
	p, _ := running(t, server)
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(processes) == 0 {
		t.Skip("no /proc: nobody tells what a server's processes spend")
	}
	for _, process := range processes {
		if at, err := os.Readlink(process + "/cwd"); err != nil || at != filepath.Join(p.dir, server) {
			continue // somebody else's, or gone meanwhile
		}
		text, err := os.ReadFile(process + "/stat")
		if err != nil {
			continue
		}
		// After the name, which may hold anything: field 14 to 17 are utime, stime, cutime, cstime.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		for _, field := range fields[11:15] {
			ticks, err := strconv.Atoi(field)
			if err != nil {
				t.Fatalf("read %s/stat: %v", process, err)
			}
			spent += time.Duration(ticks) * tick
		}
	}
	return spent
}
