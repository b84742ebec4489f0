#!/usr/bin/env bash
# The main job, end to end, on the embedded stack: real processes, a simulated
# cloud, transitions as they happen. Ends by itself and leaves nothing behind.
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
explain() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() { echo "demo: $*" >&2; tail -n 20 "$dir"/*.log >&2; exit 1; }

org=6f1ed002-ab5d-4bb3-9b7a-000000000001
member() { printf '9d0e8400-e29b-41d4-a716-%012d' "$1"; }
producer() { "$dir/bin/producer" "${files[@]}" "$@"; }

explain "Building worker, producer and the embedded stack"
go build -o "$dir/bin/" ./worker ./worker/devstack ./producer ./producer/internal/bridge/vaulttest/webvault

explain "Step 1: enable cloud communication (env/global.override.env)"
"$dir/bin/devstack" >"$dir/stack.env" 2>"$dir/devstack.log" & pids+=($!)
for _ in $(seq 100); do grep -q DEVSTACK_READY "$dir/stack.env" && break; sleep 0.1; done
grep -q DEVSTACK_READY "$dir/stack.env" || fail "the embedded stack did not start"
value() { sed -n "s/^$1=//p" "$dir/stack.env"; }
{
	echo "globalSettings__enableCloudCommunication=true"
	echo "SPONSORSYNC_WORKER_LISTEN=127.0.0.1:0"
	echo "SPONSORSYNC_LISTEN=127.0.0.1:0"
	echo "SPONSORSYNC_LICENSE_DIR=$dir/licenses"
	echo "SPONSORSYNC_BRIDGE=full" # of the part with the server's own vault
	echo "SPONSORSYNC_BRIDGE_DATABASE=sqlite://$dir/vault.db"
	echo "SPONSORSYNC_BRIDGE_INTERVAL=500ms"
} | tee "$dir/global.override.env" | head -1
files=(--env-file "$dir/stack.env" --env-file "$dir/global.override.env")
webvault() { "$dir/bin/webvault" "$dir/vault.db" "$@"; }
vaultorg=$(webvault found "$(value DEVSTACK_BILLING_SYNC_TOKEN)" "$(value DEVSTACK_CLOUD_ORGANIZATION_ID)")
"$dir/bin/worker" "${files[@]}" 2>"$dir/worker.log" & pids+=($!)
"$dir/bin/producer" serve "${files[@]}" 2>"$dir/serve.log" & pids+=($!)

explain "Steps 2 and 3: the billing sync token, from the cloud to here"
value DEVSTACK_BILLING_SYNC_TOKEN | producer connect --org $org --cloud-org "$(value DEVSTACK_CLOUD_ORGANIZATION_ID)"

explain "Members redeem. Until the first sync, all of them await it"
"$dir/bin/producer" watch "${files[@]}" --org $org & pids+=($!)
echo "organizationUserId,sponsoredEmail,friendlyName" >"$dir/members.csv"
for n in $(seq 8); do echo "$(member "$n"),home$n@example.com,Home of member $n" >>"$dir/members.csv"; done
producer redeem --org $org --file "$dir/members.csv" --wait >/dev/null

explain "Step 4: trigger the first sync"
producer sync --org $org --wait >/dev/null

explain "Two people accept their offer; the next sync tells"
for n in 3 5; do "$dir/bin/devstack" accept --url "$(value DEVSTACK_CLOUD_URL)" --email "home$n@example.com"; done
producer sync --org $org --wait >/dev/null

explain "One sponsorship moves to another address, one is revoked, and one that was accepted, too"
producer change-sponsorship --org $org --user "$(member 1)" --email grandma@example.com --wait >/dev/null
producer change-sponsorship --org $org --user "$(member 2)" --revoke --wait >/dev/null
producer change-sponsorship --org $org --user "$(member 3)" --revoke --wait >/dev/null

explain "With the bridge nobody types anything: Mia offers in the web vault of her own server"
until_it_says() { # WORDS COMMAND...: until the command prints the words
	for _ in $(seq 100); do "${@:2}" 2>/dev/null | grep -q -- "$1" && return; sleep 0.2; done
	fail "it never said '$1': ${*:2}"
}
mia=$(webvault join "$vaultorg" Mia)
webvault offer "$mia" mum@example.com
webvault show
until_it_says "awaiting sync" producer status --org "$vaultorg"

explain "The first sync. The bridge does not write to the server's database before an admin has said so"
producer sync --org "$vaultorg" --official-job-off --wait >/dev/null
until_it_says "first_write" producer status --org "$vaultorg"
producer bridge resume --org "$vaultorg" --yes
until_it_says "Sent" webvault show
webvault show

explain "Her mother accepts; the next sync tells, and the web vault shows it"
"$dir/bin/devstack" accept --url "$(value DEVSTACK_CLOUD_URL)" --email mum@example.com
producer sync --org "$vaultorg" --wait >/dev/null
until_it_says "Active" webvault show
webvault show

explain "In the end"
producer status --org $org
echo
producer status --org "$vaultorg"
