#!/usr/bin/env bash
# The status page in a real browser. Installs Debian's chromium if it is missing (CHROMIUM
# names another), and fetches axe-core, which is not ours to keep here, from npm.
set -euo pipefail
cd "$(dirname "$0")/.."

chromium=${CHROMIUM:-/usr/bin/chromium}
if [ ! -x "$chromium" ]; then
	sudo=""
	[ "$(id -u)" = 0 ] || sudo=sudo
	$sudo apt-get update -qq
	$sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
version=4.14.1
sum=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
(cd "$dir" && npm pack --silent "axe-core@$version" >/dev/null && echo "$sum  axe-core-$version.tgz" | sha256sum --check --quiet && tar -xzf "axe-core-$version.tgz" package/axe.min.js)

go vet -tags browser ./producer/internal/browser
SPONSORSYNC_AXE="$dir/package/axe.min.js" CHROMIUM="$chromium" go test -tags browser -count=1 -timeout 15m "$@" ./producer/internal/browser
