package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs"
)

func yesFlag(command *cobra.Command, yes *bool) {
	command.Flags().BoolVar(yes, "yes", false, "do not ask; needed where there is no terminal")
}

// confirm says what is about to happen and asks whether it should, unless the answer
// was given before. Anything but a yes is wrong usage, and so is nobody to ask.
func (a *app) confirm(ctx context.Context, what string, yes bool) error {
	a.note("%s", what)
	if yes {
		return nil
	}
	if !a.terminal(a.Stdin) {
		return &boot.UsageError{Faults: []string{"there is no terminal to ask on; nothing was changed"}, Hint: "give --yes if that is what you want"}
	}
	_, _ = fmt.Fprint(a.Stderr, "Go on? Type yes: ")
	answer, err := jobs.Await(ctx, func() (string, error) {
		line, err := bufio.NewReader(a.Stdin).ReadString('\n')
		if line != "" {
			err = nil
		}
		return line, err
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil || !strings.EqualFold(strings.TrimSpace(answer), "yes"):
		return &boot.UsageError{Faults: []string{"that was no yes; nothing was changed"}, Hint: "type yes, or give --yes"}
	}
	return nil
}

func (a *app) terminal(stream any) bool {
	if a.IsTerminal != nil {
		return a.IsTerminal(stream)
	}
	return isTerminal(stream)
}
