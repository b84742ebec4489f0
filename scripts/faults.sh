#!/usr/bin/env bash
# The long fault suite: everything that scripts/test.sh runs of it, and the runs
# that take minutes: 500 kills at 50 times the speed (5 to 10 minutes), ten at default
# settings (10 minutes), a cloud that works on beyond the grace. SEED=... repeats the
# choices of a run, which it prints.
set -euo pipefail
cd "$(dirname "$0")/.."
export SPONSORSYNC_TEST_LONG=1
go test -race -count=1 -timeout 60m -v "$@" ./worker/internal/e2e
go test -race -count=1 -timeout 10m -v -run 'TestAPersonIsAmongTheNextThreeTurns' ./worker # 8,000 organizations, 100,000 rows
go test -race -count=1 -timeout 10m -v -run 'TestABridgeThat' ./producer/internal/bridge # one is stopped for 40 s while it writes
