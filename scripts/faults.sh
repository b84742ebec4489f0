#!/usr/bin/env bash
# The long fault suite: everything that scripts/test.sh runs of it, and the runs
# that take minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
SPONSORSYNC_TEST_LONG=1 go test -race -count=1 -timeout 60m -v "$@" ./worker/internal/e2e
