package main

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// promised returns the numbers of the README's promises.
func promised(t *testing.T) []int {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "## What it promises")
	section, _, _ = strings.Cut(section, "And what it does not promise")
	if !found {
		t.Fatal("the README has no promises")
	}
	var numbers []int
	for _, m := range regexp.MustCompile(`(?m)^(\d+)\. `).FindAllStringSubmatch(section, -1) {
		n, _ := strconv.Atoi(m[1])
		numbers = append(numbers, n)
	}
	return numbers
}

func TestEveryPromiseIsBrokenByAMutation(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, m := range mutations() {
		if known[m.ID] {
			t.Errorf("two mutations are called %s", m.ID)
		}
		known[m.ID] = true
	}
	numbers := promised(t)
	if listed := slices.Sorted(maps.Keys(promises)); !slices.Equal(listed, numbers) {
		t.Errorf("promises %v have mutations, the README makes %v", listed, numbers)
	}
	for _, n := range numbers {
		if len(promises[n]) == 0 {
			t.Errorf("no mutation breaks promise %d", n)
		}
		for _, id := range promises[n] {
			if !known[id] {
				t.Errorf("promise %d is to be broken by %s, which is no mutation", n, id)
			}
		}
	}
}
