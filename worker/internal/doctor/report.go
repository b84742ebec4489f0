package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/sponsorsync/sponsorsync/internal/printable"
)

// WriteText prints one line per check: status, name, what was found, what to do.
func WriteText(w io.Writer, checks []Check) error {
	width := 0
	for _, c := range checks {
		width = max(width, utf8.RuneCountInString(c.Name))
	}
	var report strings.Builder
	for _, c := range checks {
		line := oneLine(c.Detail)
		if c.Hint != "" {
			line += " -> " + oneLine(c.Hint)
		}
		fmt.Fprintf(&report, "%-4s  %-*s  %s\n", c.Status, width, c.Name, line)
	}
	report.WriteString(summary(checks) + "\n")
	if _, err := io.WriteString(w, report.String()); err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	return nil
}

// summary is what to look at first: a check that failed is easily buried under those
// that could not be made because of it.
func summary(checks []Check) string {
	counts := map[Status]int{}
	var failures []string
	for _, c := range checks {
		if counts[c.Status]++; c.Status == Fail {
			failures = append(failures, c.Name)
		}
	}
	text := fmt.Sprintf("%d ok, %d to look at, %d failed", counts[OK], counts[Warn], counts[Fail])
	if len(failures) > 0 {
		text += ": " + strings.Join(failures, ", ")
	}
	return text
}

// oneLine keeps what a server said from breaking the table.
func oneLine(text string) string { return printable.Clean(strings.Join(strings.Fields(text), " ")) }

// WriteJSON prints one document: {"ok": bool, "checks": [...]}.
func WriteJSON(w io.Writer, checks []Check) error {
	encoder := json.NewEncoder(printable.Writer(w))
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(struct {
		OK     bool    `json:"ok"`
		Checks []Check `json:"checks"`
	}{Passed(checks), checks})
	if err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	return nil
}
