#!/usr/bin/env bash
# Installs what the tests need beside Go: redis-server (the system's, and a newer
# one where that is older than 7.2), shellcheck, curl, openssl, Prometheus
# (its promtool reads the alert rules), and the programs of PostgreSQL and
# MariaDB. The NATS server is built by the tests from the version in go.mod.
set -euo pipefail
cd "$(dirname "$0")/.."

install() { # program, Debian's package, brew's if its name is another
	command -v "$1" >/dev/null && return
	local sudo=""
	[ "$(id -u)" = 0 ] || sudo="sudo"
	if command -v apt-get >/dev/null; then
		echo "installing $2 (apt-get)" >&2
		$sudo apt-get -qq update >&2
		# Debian starts a server on the default port when it installs one; the tests bring their own.
		$sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends "$2" >&2
	elif command -v brew >/dev/null; then
		echo "installing $2 (brew)" >&2
		brew install "${3:-$2}" >&2
	else
		echo "error: $1 is missing and neither apt-get nor brew is here to install it" >&2
		echo "hint: install $2 (Redis 6.2 or newer, PostgreSQL 15 or newer, MariaDB 10.11 or newer) and run this again" >&2
		exit 1
	fi
}

# Debian's package also makes a database and a service that runs it, unless told not to.
install_postgresql() {
	command -v initdb >/dev/null && return
	local no_database=/etc/postgresql-common/createcluster.d/sponsorsync-tests.conf sudo=""
	[ "$(id -u)" = 0 ] || sudo="sudo"
	if command -v apt-get >/dev/null; then
		$sudo mkdir -p "$(dirname "$no_database")"
		echo "create_main_cluster = false" | $sudo tee "$no_database" >/dev/null
	fi
	install initdb postgresql
	$sudo rm -f "$no_database"
}

command -v go >/dev/null || { echo "error: Go is missing; install the version that go.mod names" >&2; exit 1; }
# Debian keeps PostgreSQL's programs out of the path, and /usr/sbin is in few people's.
PATH="$PATH:/usr/sbin:$(printf '%s\n' /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin | sort -V | tail -1)"
install redis-server redis-server redis
install_postgresql
install mariadbd mariadb-server-core mariadb
install my_print_defaults mariadb-client-core mariadb # which mariadb-install-db calls
install shellcheck shellcheck
install curl curl # a hook in shell
install openssl openssl
bash scripts/redis.sh >/dev/null
bash scripts/prometheus.sh >/dev/null
