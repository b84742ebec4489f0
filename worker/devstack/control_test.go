package main

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

var (
	heading = regexp.MustCompile("(?m)^### `([A-Z]+ /_control/[^`]+)`$")
	example = regexp.MustCompile(`(?m)^    curl (.+)$`)
	kindRow = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|")
	word    = regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"]+)+`)
)

func manual(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("CONTROL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestTheManualHasEveryControlRoute(t *testing.T) {
	t.Parallel()
	documented := []string{}
	for _, found := range heading.FindAllStringSubmatch(manual(t), -1) {
		documented = append(documented, found[1])
	}
	slices.Sort(documented)
	if served := cloudtest.New(cloudtest.Options{}).ControlRoutes(); !slices.Equal(documented, served) {
		t.Errorf("documented\n%s\nserved\n%s", strings.Join(documented, "\n"), strings.Join(served, "\n"))
	}
}

func TestTheManualHasEveryKindOfFault(t *testing.T) {
	t.Parallel()
	table, _, _ := strings.Cut(manual(t), "Every kind takes:")
	documented := []string{}
	for _, found := range kindRow.FindAllStringSubmatch(table, -1) {
		documented = append(documented, found[1])
	}
	slices.Sort(documented)
	if kinds := cloudtest.FaultKinds(); !slices.Equal(documented, kinds) {
		t.Errorf("documented %v, served %v", documented, kinds)
	}
}

// TestTheManualsExamplesWork sends each to a fresh cloud, below the heading of
// its own route.
func TestTheManualsExamplesWork(t *testing.T) {
	t.Parallel()
	sections := heading.FindAllStringSubmatchIndex(manual(t), -1)
	for i, at := range sections {
		route, text := manual(t)[at[2]:at[3]], manual(t)[at[1]:]
		if i+1 < len(sections) {
			text = manual(t)[at[1]:sections[i+1][0]]
		}
		t.Run(route, func(t *testing.T) {
			t.Parallel()
			examples := example.FindAllStringSubmatch(text, -1)
			if len(examples) == 0 {
				t.Fatal("no example")
			}
			for _, found := range examples {
				runExample(t, route, found[1])
			}
		})
	}
}

// scene is a cloud with one open and one redeemed sponsorship, and the
// variables that the manual uses.
func scene(t *testing.T) map[string]string {
	t.Helper()
	cloud := cloudtest.New(cloudtest.Options{})
	if err := cloud.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	organization, installation := cloud.AddOrganization(), cloud.AddInstallation()
	family := cloud.AddOrganization(func(o *cloudtest.Organization) {
		o.PlanType, o.OwnerEmail = cloudtest.PlanFamilies, "mum@example.com"
	})
	key, redeemed, until := uuid.NewString(), uuid.NewString(), time.Now().AddDate(1, 0, 0)
	token := cloud.Offer(cloudtest.Row{OrganizationID: organization.ID, OrganizationUserID: key, OfferedToEmail: "mum@example.com", LastSyncDate: time.Now()})
	cloud.AddRow(cloudtest.Row{
		OrganizationID: organization.ID, OrganizationUserID: redeemed,
		SponsoredOrganizationID: uuid.NewString(), ValidUntil: &until,
	})
	return map[string]string{
		"CLOUD": cloud.URL(), "ORG": organization.ID, "INSTALLATION": installation.ID, "KEY": key,
		"REDEEMED": redeemed, "TOKEN": token, "FAMILY": family.ID,
	}
}

// runExample does what curl would with these arguments.
func runExample(t *testing.T, route, arguments string) {
	t.Helper()
	method, target, body := http.MethodGet, "", ""
	variables := scene(t)
	words := word.FindAllString(arguments, -1)
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "-X":
			i++
			method = words[i]
		case "-d":
			i++
			body = expand(words[i], variables)
		default:
			target = expand(words[i], variables)
		}
	}
	pattern, _, _ := strings.Cut(route, "{")
	if !strings.HasPrefix(method+" "+strings.TrimPrefix(target, variables["CLOUD"]), pattern) {
		t.Errorf("%s is no example of %s", arguments, route)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode/100 != 2 {
		t.Errorf("%s: %d %s", arguments, answer.StatusCode, text)
	}
}

// expand does what a shell does to one word: variables, but not within single quotes.
func expand(word string, variables map[string]string) string {
	var out strings.Builder
	for i, part := range strings.Split(word, "'") {
		if i%2 == 0 {
			part = os.Expand(strings.ReplaceAll(part, `"`, ""), func(name string) string { return variables[name] })
		}
		out.WriteString(part)
	}
	return out.String()
}
