#!/usr/bin/env bash
# Everything that can be said about the code without running it.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { echo "check: $*" >&2; }

step "gofmt"
unformatted=$(gofmt -l config jobs producer scripts worker)
[ -z "$unformatted" ] || { echo "not gofmt-ed: $unformatted" >&2; exit 1; }
step "go mod tidy"
go mod tidy -diff
step "go vet"
go vet ./...
step "linters"
bash scripts/lint.sh
step "import rules"
bash scripts/imports.sh
step "size budgets"
bash scripts/budgets.sh
step "mutations match the code"
go run ./scripts/mutate -list >/dev/null
step "shellcheck"
shellcheck scripts/*.sh .ci/run
step "alert rules"
bash scripts/watch.sh
step "govulncheck"
bash scripts/vulnerabilities.sh
