#!/usr/bin/env bash
# The property test of the whole for ten minutes (or as long as SOAK says).
set -euo pipefail
cd "$(dirname "$0")/.."
SPONSORSYNC_TEST_SOAK="${SOAK:-10m}" go test -race -count=1 -timeout 60m -run Property -v ./worker/internal/reconcile
