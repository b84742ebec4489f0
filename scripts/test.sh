#!/usr/bin/env bash
# All tests, with the race detector, in random order, against real servers.
set -euo pipefail
cd "$(dirname "$0")/.."
go test -race -shuffle=on -timeout 10m "$@" ./...
