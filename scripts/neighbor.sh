#!/usr/bin/env bash
# What the bridge costs the server's own database, at 100,000 sponsorships: its share of one
# core, and how long a write of the server waits for us. Wants a machine with nothing else to
# do, and takes about five minutes there. BENCH picks some by name (BENCH=Longest).
set -euo pipefail
cd "$(dirname "$0")/.."
go test -run '^$' -bench "${BENCH:-.}" -benchtime 1x -timeout 60m "$@" ./producer/internal/bridge/database
