#!/usr/bin/env bash
# Prints the folder of prometheus and promtool: the system's, or else Debian's package unpacked
# into the user's cache directory, because to install it would start a server at each boot.
set -euo pipefail

if command -v promtool >/dev/null && command -v prometheus >/dev/null; then
	dirname "$(command -v promtool)"
	exit 0
fi
cache="${XDG_CACHE_HOME:-$HOME/.cache}/sponsorsync-test/prometheus"
if [ ! -x "$cache/usr/bin/promtool" ]; then
	if ! command -v apt-get >/dev/null; then
		echo "error: prometheus and promtool are missing, and there is no apt-get to fetch them" >&2
		echo "hint: install Prometheus 2.42 or newer (brew install prometheus) and run this again" >&2
		exit 1
	fi
	echo "fetching Debian's prometheus" >&2
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	[ "$(id -u)" != 0 ] || chmod 777 "$dir" # apt fetches as a user of its own
	(cd "$dir" && apt-get -qq download prometheus >&2)
	mkdir -p "$cache"
	dpkg -x "$dir"/prometheus_*.deb "$cache"
fi
echo "$cache/usr/bin"
