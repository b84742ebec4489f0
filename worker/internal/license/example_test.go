package license_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sponsorsync/sponsorsync/worker/internal/license"
)

// A license that is fine but for its version.
func ExampleChecker_Check() {
	checker, err := license.NewChecker(license.CheckerParams{
		InstallationID: "22222222-2222-4222-8222-222222222222", Now: time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = checker.Check(json.RawMessage(`{"version": 17}`), "11111111-1111-4111-8111-111111111111")
	fmt.Println(err)
	// Output:
	// unsupported_version: license version 17 is not supported (only 1 to 16 are): update the server, then upload the license again
}
