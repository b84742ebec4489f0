package events_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// Somebody who reads events without our code has EVENTS.md in its place.
func TestTheDocumentNamesWhatIsPublished(t *testing.T) {
	t.Parallel()
	text := string(jobstest.Value(os.ReadFile("EVENTS.md"))(t))
	envelope, _, _ := strings.Cut(text, "\n## ")
	for _, name := range jsonNames(reflect.TypeFor[events.Event[events.Sync]]()) {
		if name != "specversion" && name != "datacontenttype" && !strings.Contains(envelope, "| `"+name+"` |") {
			t.Errorf("the envelope's %s is missing", name)
		}
	}
	for kind, data := range map[string]reflect.Type{
		"sponsorship": reflect.TypeFor[events.Sponsorship](), "sync": reflect.TypeFor[events.Sync](),
		"license": reflect.TypeFor[events.License](), "bridge": reflect.TypeFor[events.Bridge](),
	} {
		_, rest, _ := strings.Cut(text, "\n## "+kind+"\n")
		section, _, _ := strings.Cut(rest, "\n## ")
		var got []string
		for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(section, -1) {
			got = append(got, row[1])
		}
		if want := jsonNames(data); !slices.Equal(got, want) {
			t.Errorf("%s has %q, the document %q", kind, want, got)
		}
	}
	for _, status := range sponsorship.Statuses() {
		if !strings.Contains(text, "`"+string(status)+"`") {
			t.Errorf("status %s is missing", status)
		}
	}
}

func jsonNames(of reflect.Type) (names []string) {
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
