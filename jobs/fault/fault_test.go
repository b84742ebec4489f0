package fault_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strings"
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
	if len(seen) != 40 {
		t.Errorf("%d codes, want 40", len(seen))
	}
}

func TestEveryReasonToHoldHasOneHint(t *testing.T) {
	t.Parallel()
	seen := map[string]fault.Held{}
	for _, reason := range fault.HeldReasons() {
		hint := reason.Hint()
		if hint == "" || seen[hint] != "" {
			t.Errorf("%s: hint %q (also of %q)", reason, hint, seen[hint])
		}
		seen[hint] = reason
	}
	if len(seen) != 11 {
		t.Errorf("%d reasons, want 11", len(seen))
	}
}

// What is recommended must not lose a token, or begin a second sender of the same rows.
func TestNoHintIsHarmful(t *testing.T) {
	t.Parallel()
	hints := map[string]string{}
	for _, code := range fault.Codes() {
		hints[string(code)] = code.Hint()
	}
	for _, reason := range fault.HeldReasons() {
		hints[string(reason)] = reason.Hint()
	}
	for name, hint := range hints {
		if regexp.MustCompile(`(?i)(delete|disable|remove)[^.]*connection`).MatchString(hint) {
			t.Errorf("%s gives the vault's connection up: %s", name, hint)
		}
		if strings.Contains(hint, "Manage billing sync") && !strings.Contains(hint, "Only where the bridge follows") {
			t.Errorf("%s has a token saved in the vault, which starts the server's own job: %s", name, hint)
		}
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

func TestErrorsSurviveJSON(t *testing.T) {
	t.Parallel()
	original := fault.Wrap(fault.BillingSyncTokenInvalid, io.EOF, "sync of acme")
	text, err := json.Marshal(original)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]string
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"code": string(original.Code), "message": original.Message, "hint": original.Hint()}
	if !maps.Equal(members, want) {
		t.Errorf("wrote %v, want %v", members, want)
	}
	var got fault.Error
	if err := json.Unmarshal(text, &got); err != nil || got.Code != original.Code || got.Message != original.Message {
		t.Errorf("read %+v, %v", got, err)
	}
}

func ExampleWrap() {
	err := fault.Wrap(fault.CloudUnavailable, io.ErrUnexpectedEOF, "sync of %s: no answer", "acme")
	fmt.Println(err)
	fmt.Println(errors.Is(err, io.ErrUnexpectedEOF), fault.CodeOf(err).Transient())
	// Output:
	// cloud_unavailable: sync of acme: no answer
	// true true
}

// A queue keeps an error as text.
func ExampleParse() {
	e := fault.Parse("connection_missing: organization acme has no token")
	fmt.Println(e.Code, e.Code.NeedsAdmin())
	fmt.Println(e.Message)
	// Output:
	// connection_missing true
	// organization acme has no token
}

func ExampleError_MarshalJSON() {
	text, err := json.Marshal(fault.New(fault.RevocationPending, "change of acme's member"))
	fmt.Println(string(text), err)
	// Output: {"code":"revocation_pending","message":"change of acme's member","hint":"Redeem again when it is removed; one that was in use ends with its term, and 'producer status' shows the date."} <nil>
}

func ExampleCode_Hint() {
	fmt.Println(fault.UnsupportedVersion.Hint())
	// Output: Update the self-hosted server (back up the bwdata folder first), then upload the license file again.
}

// What Redis says of itself is not that it is away; what it says of a command stays out.
func TestUnavailableNamesWhatRedisRefused(t *testing.T) {
	t.Parallel()
	for reply, says := range map[string]string{
		"UNKNOWN: redis eval error: OOM command not allowed when used memory > 'maxmemory'.": "its memory is full (maxmemory)",
		"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to":    "it could not write to its disk",
		"READONLY You can't write against a read only replica.":                              "is a replica",
		"NOREPLICAS Not enough good replicas to write.":                                      "too few of its replicas are in step",
		"NOAUTH Authentication required.":                                                    "REDIS_URL has none",
		"WRONGPASS invalid username-password pair or user is disabled.":                      "does not accept the user or the password",
		"NOPERM this user has no permissions to run the 'eval' command":                      "does not let its user",
		"LOADING Redis is loading the dataset in memory":                                     "has just started",
		"ERR unknown command 'X', with args beginning with: 'mum@example.com'":               "did not answer as it should",
		"dial tcp 127.0.0.1:6379: connect: connection refused":                               "did not answer as it should",
	} {
		got := fault.Unavailable(errors.New(reply), "enqueue redeem")
		if got.Code != fault.QueueUnavailable || !strings.HasPrefix(got.Message, "enqueue redeem: ") || !strings.Contains(got.Message, says) {
			t.Errorf("%s: %v", reply, got)
		}
		if strings.Contains(got.Message, "mum@") {
			t.Errorf("shows an argument: %v", got)
		}
	}
}
