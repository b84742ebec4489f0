package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud"
)

// A token that was rotated in the cloud: the error says so, and what to do.
func ExampleClient_Sync() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/connect/token") {
			_, _ = io.WriteString(w, tokenAnswer)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, bitwarden("Invalid Billing Sync Key"))
	}))
	defer server.Close()

	client, err := cloud.New(cloud.Params{
		Config: cloud.Config{
			IdentityURI: server.URL, APIURI: server.URL,
			InstallationID: installation, InstallationKey: secretKey,
		},
		Limiter: &freeLimiter{}, Now: time.Now, Rand: func() float64 { return 0 },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	if err := client.Turn(context.Background(), cloud.Urgent); err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Sync(context.Background(), cloud.SyncRequest{
		BillingSyncKey: secretToken, CloudOrganizationID: organization,
		Rows: []cloud.Row{{UserID: user1, Name: "Ada", Email: address}},
	})
	if e, ok := errors.AsType[*cloud.Error](err); ok {
		fmt.Println(e.Fault.Code, e.Status)
		fmt.Println(e.Fault.Hint()[:55])
	}
	// Output:
	// billing_sync_token_invalid 400
	// In the cloud web app, Admin Console > Billing > Subscri
}
