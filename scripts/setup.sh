#!/usr/bin/env bash
# Installs what the tests need beside Go: redis-server (the system's, and a newer
# one where that is older than 7.2) and shellcheck. The NATS server is built by the
# tests from the version in go.mod.
set -euo pipefail
cd "$(dirname "$0")/.."

install() { # program, package
	command -v "$1" >/dev/null && return
	local sudo=""
	[ "$(id -u)" = 0 ] || sudo="sudo"
	if command -v apt-get >/dev/null; then
		echo "installing $2 (apt-get)" >&2
		$sudo apt-get -qq update >&2
		# Debian starts a server on the default port when it installs one; the tests bring their own.
		DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $sudo apt-get -qq install -y --no-install-recommends "$2" >&2
	elif command -v brew >/dev/null; then
		echo "installing $2 (brew)" >&2
		brew install "${3:-$2}" >&2
	else
		echo "error: $1 is missing and neither apt-get nor brew is here to install it" >&2
		echo "hint: install $1 (Redis 6.2 or newer for redis-server) and run this again" >&2
		exit 1
	fi
}

command -v go >/dev/null || { echo "error: Go is missing; install the version that go.mod names" >&2; exit 1; }
install redis-server redis-server redis
install shellcheck shellcheck
bash scripts/redis.sh >/dev/null
