// Command mutate breaks a copy of the code, one line at a time, and runs the
// tests that should notice. A mutation that they do not notice survives: then a
// promise rests on code that no test watches.
//
//	go run ./scripts/mutate [-list] [ID ...]
//
// It copies the tree of the current directory and never changes it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns 0 when every chosen mutation was killed, 1 when one survived or
// no longer matches the code, 2 for wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	list := flags.Bool("list", false, "name the mutations and whether they still match the code; runs nothing")
	if flags.Parse(args) != nil {
		return 2
	}
	chosen := choose(flags.Args())
	if len(chosen) == 0 {
		fmt.Fprintln(stderr, "mutate: no mutation has such an id; -list names them")
		return 2
	}
	verb := tryAll
	if *list {
		verb = matchAll
	}
	if err := verb(ctx, chosen, stdout); err != nil {
		fmt.Fprintln(stderr, "mutate:", err)
		return 1
	}
	return 0
}

// mutations are the ways in which the code is broken on purpose, one file per
// part of it.
func mutations() []mutation {
	return slices.Concat(
		coreMutations, connectionMutations, adminMutations, pageMutations, besideMutations, bridgeMutations, toldMutations, clockMutations, durableMutations, eventMutations, forgetMutations, jobMutations,
		ledgerMutations, securityMutations, sqlServerMutations, takeoverMutations, turnMutations, writesMutations,
	)
}

// choose returns the mutations with the given ids, or all.
func choose(ids []string) []mutation {
	if len(ids) == 0 {
		return mutations()
	}
	var chosen []mutation
	for _, m := range mutations() {
		if slices.Contains(ids, m.ID) {
			chosen = append(chosen, m)
		}
	}
	return chosen
}
