package doctor

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/config"
)

// domains are the cloud's, by region (PROTOCOL.md 0).
var domains = map[string]string{"bitwarden.com": "US", "bitwarden.eu": "EU", "bitwarden-gov.com": "Gov"}

// regionOf returns the region of a host, or "" if it is none of the cloud's.
func regionOf(uri string) (host, region string) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", ""
	}
	for domain, region := range domains {
		if u.Hostname() == domain || strings.HasSuffix(u.Hostname(), "."+domain) {
			return u.Hostname(), region
		}
	}
	return u.Hostname(), ""
}

// regions compares the region with the hosts. Installations of one region are
// unknown in the others, and the token endpoint doesn't tell that from a wrong
// key (PROTOCOL.md 1.3).
func regions(c config.Cloud) []Check {
	if c.Region == "" {
		return skipped("globalSettings__baseServiceUri__cloudRegion is not understood", "cloud region", "push relay")
	}
	return []Check{hostRegion(c), relayRegion(c)}
}

func hostRegion(c config.Cloud) Check {
	const name = "cloud region"
	var wrong, unknown []string
	for _, setting := range []struct{ name, uri string }{{"identityUri", c.IdentityURI}, {"apiUri", c.APIURI}} {
		switch host, region := regionOf(setting.uri); {
		case setting.uri == "" || region == c.Region:
		case region == "":
			unknown = append(unknown, host)
		default:
			wrong = append(wrong, fmt.Sprintf("%s is the %s host %s", setting.name, region, host))
		}
	}
	switch {
	case len(wrong) > 0:
		return bad(name, "Set globalSettings__baseServiceUri__cloudRegion, globalSettings__installation__identityUri and "+
			"globalSettings__installation__apiUri to the region where the installation id was obtained.",
			"the region is %s, but %s", c.Region, strings.Join(wrong, ", "))
	case len(unknown) > 0:
		return doubtful(name, "", "%s, but %s: none of Bitwarden's hosts, so this cannot be compared", c.Region, strings.Join(slices.Compact(unknown), ", "))
	}
	return good(name, "%s, and so are the hosts", c.Region)
}

// relayOf is the push relay of a region.
func relayOf(region string) string {
	if region == "EU" {
		return "https://push.bitwarden.eu"
	}
	return "https://push.bitwarden.com"
}

// relayRegion warns only: the push relay takes no part in a sync, but shares
// the installation id, which one of the two regions doesn't know.
func relayRegion(c config.Cloud) Check {
	const name = "push relay"
	switch strings.ToUpper(c.PushRelayURI) {
	case "", "REPLACE", "SECRET": // the official server takes these for unset (PROTOCOL.md 7.2)
		return good(name, "not set")
	}
	switch host, region := regionOf(c.PushRelayURI); region {
	case c.Region:
		return good(name, "%s, in the same region", host)
	case "":
		return doubtful(name, "", "its region cannot be told from globalSettings__pushRelayBaseUri")
	default:
		return doubtful(name, fmt.Sprintf("Set globalSettings__pushRelayBaseUri to %s, or globalSettings__baseServiceUri__cloudRegion to %s if that is where "+
			"the installation id was obtained: mobile push does not work across regions.", relayOf(c.Region), region), "%s is in region %s, but the region is %s", host, region, c.Region)
	}
}
