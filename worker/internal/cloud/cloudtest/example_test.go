package cloudtest_test

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// A cloud with one customer, whose first token request meets an outage.
func Example() {
	cloud := cloudtest.New(cloudtest.Options{})
	if err := cloud.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer cloud.Close()
	installation := cloud.AddInstallation()
	cloud.Inject(cloudtest.Unavailable().On(cloudtest.PathToken))

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2 {
		response, err := client.PostForm(cloud.URL()+cloudtest.PathToken, url.Values{
			"grant_type": {"client_credentials"}, "scope": {"api.installation"},
			"client_id": {"installation." + installation.ID}, "client_secret": {installation.Key},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		response.Body.Close()
		fmt.Println(response.StatusCode)
	}
	fmt.Println(len(cloud.TokenRequests()), "requests")
	// Output:
	// 503
	// 200
	// 2 requests
}
