#!/usr/bin/env bash
# The benchmarks behind the README's figures. Each starts private servers and
# measures ours and a baseline by turns. BENCH picks some by name (BENCH=Intake),
# BENCH_HUGE=1 adds the sync of a million rows. Wants a machine with nothing else
# to do, and takes about a quarter of an hour there, half of it from click to mail.
set -euo pipefail
cd "$(dirname "$0")/.."
go test -run '^$' -bench "${BENCH:-.}" -benchtime 1x -timeout 60m "$@" ./worker/internal/bench ./producer/internal/bridge
