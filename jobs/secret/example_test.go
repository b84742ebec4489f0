package secret_test

import (
	"fmt"

	"github.com/sponsorsync/sponsorsync/jobs/secret"
)

// However it is printed, a secret does not show; whoever needs it says so.
func ExampleText() {
	token := secret.Text("Abc123")
	fmt.Printf("%v %+v %q\n", token, struct{ Token secret.Text }{token}, token)
	fmt.Println(len(token.Reveal()))
	// Output:
	// [redacted] {Token:[redacted]} "[redacted]"
	// 6
}
