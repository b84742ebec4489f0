#!/usr/bin/env bash
# The property test of the worker, and the random stories of the bridge on each engine, for ten
# minutes each (or as long as SOAK says).
set -euo pipefail
cd "$(dirname "$0")/.."
export SPONSORSYNC_TEST_SOAK="${SOAK:-10m}"
go test -race -count=1 -timeout 60m -run Property -v ./worker/internal/reconcile
go test -race -count=1 -timeout 60m -run AtRest ./producer/internal/bridge
