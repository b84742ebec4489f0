package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

func TestEveryCodeHasOneHint(t *testing.T) {
	t.Parallel()
	seen := map[string]fault.Code{}
	for _, code := range fault.Codes() {
		hint := code.Hint()
		if hint == "" || seen[hint] != "" {
			t.Errorf("%s: hint %q (also of %q)", code, hint, seen[hint])
		}
		seen[hint] = code
		if code.NeedsAdmin() && code.Transient() {
			t.Errorf("%s both needs an admin and passes by itself", code)
		}
	}
	if len(seen) != 23 {
		t.Errorf("%d codes, the contract has 23", len(seen))
	}
}

func TestErrorsSurviveTheQueue(t *testing.T) {
	t.Parallel()
	original := fault.Wrap(fault.CloudUnavailable, io.ErrUnexpectedEOF, "sync of %s: no answer", "acme")
	if !errors.Is(fmt.Errorf("job: %w", original), io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	got := fault.Parse(original.Error())
	if got.Code != original.Code || got.Message != original.Message || got.Hint() == "" {
		t.Errorf("parsed %+v", got)
	}
	if plain := fault.Parse("panic: in the disco"); plain.Code != "" || plain.Message != "panic: in the disco" {
		t.Errorf("parsed %+v, want no code", plain)
	}
	if fault.CodeOf(io.EOF) != "" {
		t.Error("a foreign error has a code")
	}
}

func ExampleCode_Hint() {
	fmt.Println(fault.UnsupportedVersion.Hint())
	// Output: Update the self-hosted server (back up the bwdata folder first), then upload the licence file again.
}
