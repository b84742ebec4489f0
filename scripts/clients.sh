#!/usr/bin/env bash
# Clients that others generate from our OpenAPI document, in Go (oapi-codegen) and in
# TypeScript (openapi-typescript), each driving the main job against real programs.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$(mktemp -d)
pids=()
cleanup() {
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill -TERM "${pids[i]}" 2>/dev/null || true; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
	rm -rf "$dir"
}
trap cleanup EXIT
fail() { echo "clients: $*" >&2; tail -n 20 "$dir"/*.log >&2; exit 1; }
value() { sed -n "s/^$1=//p" "$dir/stack.env"; }
until_found() { # PATTERN FILE
	for _ in $(seq 100); do grep -q "$1" "$2" && return; sleep 0.1; done
	fail "$2 never said $1"
}

go build -o "$dir/bin/" ./worker ./worker/devstack ./producer
"$dir/bin/devstack" >"$dir/stack.env" 2>"$dir/devstack.log" & pids+=($!)
until_found DEVSTACK_READY "$dir/stack.env"
export BASE TOKEN=0123456789abcdef0123456789abcdef ORG=6f1ed002-ab5d-4bb3-9b7a-000000000001
export CLOUD_ORG BILLING_SYNC_TOKEN
CLOUD_ORG=$(value DEVSTACK_CLOUD_ORGANIZATION_ID) BILLING_SYNC_TOKEN=$(value DEVSTACK_BILLING_SYNC_TOKEN)
grep -v '^SPONSORSYNC_API_TOKEN=' "$dir/stack.env" >"$dir/settings.env"
cat >>"$dir/settings.env" <<EOT
globalSettings__enableCloudCommunication=true
SPONSORSYNC_WORKER_LISTEN=127.0.0.1:0
SPONSORSYNC_LISTEN=127.0.0.1:0
SPONSORSYNC_LICENSE_DIR=$dir/licenses
SPONSORSYNC_API_TOKEN=$TOKEN
EOT
"$dir/bin/worker" --env-file "$dir/settings.env" 2>"$dir/worker.log" & pids+=($!)
"$dir/bin/producer" serve --env-file "$dir/settings.env" 2>"$dir/serve.log" & pids+=($!)
until_found '"address":"' "$dir/serve.log"
BASE=http://$(sed -nE 's/.*"address":"([^"]+)".*/\1/p' "$dir/serve.log" | head -1)

cp -r scripts/clients/go scripts/clients/ts "$dir/"
document=$PWD/producer/internal/api/openapi.yaml
mkdir -p "$dir/go/client"
go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -generate types,client -package client "$document" >"$dir/go/client/client.go"
(cd "$dir/go" && go run .) || fail "the Go client"

cd "$dir/ts"
npm install --silent --no-audit --no-fund >/dev/null
npx openapi-typescript "$document" -o schema.d.ts >/dev/null
npx tsc --strict --noUncheckedIndexedAccess --target es2022 --module nodenext --types node drive.ts
node drive.js || fail "the TypeScript client"
