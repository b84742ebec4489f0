#!/usr/bin/env bash
# Sizes that keep the code readable; scripts/budget knows the limits.
set -euo pipefail
cd "$(dirname "$0")/.."
go run ./scripts/budget
