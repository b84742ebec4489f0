package main

import "testing"

func TestSharesOfTheHandlers(t *testing.T) {
	t.Parallel()
	for concurrency, want := range map[int][2]int{1: {2, 1}, 2: {2, 1}, 3: {2, 1}, 4: {2, 2}, 8: {4, 4}, 9: {4, 5}, 100: {50, 50}} {
		if urgent, bulk := shares(concurrency); urgent != want[0] || bulk != want[1] {
			t.Errorf("%d handlers: %d urgent, %d others, want %v", concurrency, urgent, bulk, want)
		}
	}
}
