package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
)

// TestReadmeListsEveryVariable keeps the README's table equal to the one that
// the program reads.
func TestReadmeListsEveryVariable(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| variable | default | meaning |\n| --- | --- | --- |\n")
	for _, v := range config.Variables() {
		shown := "none"
		if v.Default != "" {
			shown = "`" + v.Default + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", v.Name, shown, v.Meaning)
	}
	if !strings.Contains(string(raw), table.String()) {
		t.Errorf("the README's table should be:\n%s", table.String())
	}
}
