#!/usr/bin/env bash
# All tests, with the race detector, in random order, against real servers.
set -euo pipefail
cd "$(dirname "$0")/.."
# One PostgreSQL and one MariaDB for all packages. They end with the pipe, and so with this script.
SPONSORSYNC_TEST_DATABASES=$(mktemp -d /tmp/sponsorsync-databases-XXXXXX)
export SPONSORSYNC_TEST_DATABASES
exec 9> >(exec bash scripts/databases.sh "$SPONSORSYNC_TEST_DATABASES")
# Three packages at once: much of the time is spent waiting for servers.
# scripts/check.sh has vetted everything.
go test -race -vet=off -shuffle=on -p 3 -timeout 10m "$@" ./... 9>&-
