#!/usr/bin/env bash
# govulncheck. Its database is on the network: where that cannot be reached, say
# so and go on, since the code is not to blame.
set -euo pipefail
cd "$(dirname "$0")/.."
if output=$(go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./... 2>&1); then
	exit 0
fi
if grep -qE 'vuln\.go\.dev|no such host|dial tcp|connection refused' <<<"$output" && ! grep -q '^Vulnerability #' <<<"$output"; then
	echo "check: govulncheck could not reach its database; not checked" >&2
	exit 0
fi
echo "$output" >&2
exit 1
