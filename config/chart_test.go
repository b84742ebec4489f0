package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
)

// The chart gives each program settings that it reads, by names that exist, and nothing of
// another's: no installation key to the HTTP side, no database to the worker.
func TestTheChartGivesEachPartOnlyWhatItReads(t *testing.T) {
	t.Parallel()
	parts := map[string]config.Part{"worker": config.PartWorker, "producer": config.PartServe, "bridge": config.PartBridge}
	files, err := filepath.Glob("../scripts/chart/testdata/*.golden.yaml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	name := regexp.MustCompile(`(?m)^            - (?:\{ )?name: (\w+)`)
	component := regexp.MustCompile(`component: (\w+)`)
	seen := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			if !strings.Contains(document, "kind: Deployment") {
				continue
			}
			_, environment, _ := strings.Cut(document, "\n          env:\n")
			environment, _, _ = strings.Cut(environment, "\n          volumeMounts:")
			is := component.FindStringSubmatch(document)[1]
			for _, m := range name.FindAllStringSubmatch(environment, -1) {
				seen[is]++
				if lines, err := (config.Environ{}).With(map[string]string{m[1]: "x"}).Share(parts[is]); err != nil || len(lines) != 1 {
					t.Errorf("%s: %s does not read %s", file, is, m[1])
				}
			}
		}
	}
	if seen["worker"] < 30 || seen["producer"] < 30 || seen["bridge"] < 12 {
		t.Errorf("found too few settings: %v", seen)
	}
}
