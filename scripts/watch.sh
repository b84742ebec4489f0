#!/usr/bin/env bash
# The alert rules by promtool; with "live", also the rules and every expression of the board
# against a Prometheus that scrapes both programs while they work on the embedded stack.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$(bash scripts/prometheus.sh):$PATH"
promtool check rules scripts/prometheus/rules.yaml >&2
promtool check config --syntax-only scripts/prometheus/prometheus.yaml >&2
promtool test rules scripts/prometheus/rules_test.yaml >&2
[ "${1:-}" = live ] || exit 0

dir=$(mktemp -d)
pids=()
cleanup() {
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill -TERM "${pids[i]}" 2>/dev/null || true; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
	rm -rf "$dir"
}
trap cleanup EXIT
fail() { echo "watch: $*" >&2; tail -n 20 "$dir"/*.log >&2; exit 1; }
until_it_says() { # WORDS COMMAND...
	for _ in $(seq 300); do "${@:2}" 2>/dev/null | grep -q -- "$1" && return; sleep 0.2; done
	fail "it never said '$1': ${*:2}"
}
value() { sed -n "s/^$1=//p" "$dir/stack.env"; }
address() { sed -nE 's/.*"address":"([^"]+)".*/\1/p' "$1" | head -1; }
producer() { "$dir/bin/producer" "${files[@]}" "$@"; }

go build -o "$dir/bin/" ./worker ./worker/devstack ./producer ./producer/internal/bridge/vaulttest/webvault
"$dir/bin/devstack" >"$dir/stack.env" 2>"$dir/devstack.log" & pids+=($!)
until_it_says DEVSTACK_READY cat "$dir/stack.env"
cat >"$dir/own.env" <<ENV
globalSettings__enableCloudCommunication=true
SPONSORSYNC_WORKER_LISTEN=127.0.0.1:0
SPONSORSYNC_LISTEN=127.0.0.1:0
SPONSORSYNC_LICENSE_DIR=$dir/licenses
SPONSORSYNC_BRIDGE=full
SPONSORSYNC_BRIDGE_DATABASE=sqlite://$dir/vault.db
SPONSORSYNC_BRIDGE_INTERVAL=500ms
ENV
files=(--env-file "$dir/stack.env" --env-file "$dir/own.env")
org=$("$dir/bin/webvault" "$dir/vault.db" found "$(value DEVSTACK_BILLING_SYNC_TOKEN)" "$(value DEVSTACK_CLOUD_ORGANIZATION_ID)")
"$dir/bin/worker" "${files[@]}" 2>"$dir/worker.log" & pids+=($!)
"$dir/bin/producer" serve "${files[@]}" 2>"$dir/serve.log" & pids+=($!)
until_it_says address grep '"address"' "$dir/worker.log"
until_it_says address grep '"address"' "$dir/serve.log"

value SPONSORSYNC_API_TOKEN >"$dir/token"
cp scripts/prometheus/*.yaml "$dir"
sed -i.orig -e "s|127.0.0.1:8081|$(address "$dir/worker.log")|; s|127.0.0.1:8080|$(address "$dir/serve.log")|" \
	-e "s|/etc/prometheus/sponsorsync-read-token|$dir/token|" "$dir/prometheus.yaml"
printf 'global: {scrape_interval: 1s, evaluation_interval: 1s}\n' >>"$dir/prometheus.yaml"
promtool check config "$dir/prometheus.yaml" >&2
prometheus --config.file="$dir/prometheus.yaml" --storage.tsdb.path="$dir/series" --web.listen-address=127.0.0.1:0 2>"$dir/prometheus.log" & pids+=($!)

# A day in short: an offer in the web vault, the first sync, what the bridge writes, a hook.
member=$("$dir/bin/webvault" "$dir/vault.db" join "$org" Mia)
"$dir/bin/webvault" "$dir/vault.db" offer "$member" mum@example.com
until_it_says "awaiting sync" producer status --org "$org"
producer sync --org "$org" --official-job-off --wait >/dev/null
until_it_says first_write producer status --org "$org"
producer bridge resume --org "$org" --yes >/dev/null
until_it_says Sent "$dir/bin/webvault" "$dir/vault.db" show
curl -fsS -H "Authorization: Bearer $(cat "$dir/token")" -H 'Content-Type: application/json' \
	--data "{\"kind\":\"sync\",\"args\":{\"organizationId\":\"$org\"}}" "http://$(address "$dir/serve.log")/v1/jobs" >/dev/null
sleep 5 # a few scrapes, so that rates have two points

listening=$(sed -nE 's/.*msg="Listening on" address=([0-9.:]+).*/\1/p' "$dir/prometheus.log" | head -1)
[ -n "$listening" ] || fail "Prometheus does not listen"
SPONSORSYNC_TEST_PROMETHEUS="http://$listening" go test -count=1 ./scripts/prometheus || fail "see above"
