#!/usr/bin/env bash
# The benchmarks behind the README's figures. Each starts private servers.
set -euo pipefail
cd "$(dirname "$0")/.."
go test -run '^$' -bench "${BENCH:-.}" -benchtime 1x -timeout 60m ./worker/internal/bench
