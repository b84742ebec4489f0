#!/usr/bin/env bash
# Builds the images and drives the main job through the containers of compose.yaml, with the
# simulated cloud of its `demo` profile: hardened as it says, each with its own settings, healthy; a
# redeem sent once; Redis, NATS and worker killed, and an upgrade in place, with nothing lost.
# Needs a Docker engine and Compose (COMPOSE names it; default: what is here). Where base images
# cannot be pulled, scripts/compose/standins.sh makes some first. SKIP_BUILD=1 takes the images as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
docker info >/dev/null 2>&1 || { echo "error: no Docker engine answers; start one (Debian: docker.io) and run this again" >&2; exit 1; }
COMPOSE=${COMPOSE:-$(docker compose version >/dev/null 2>&1 && echo "docker compose" || echo docker-compose)}
export SERVER_ENV=./scripts/compose/demo.env BITWARDEN_NETWORK=bridge SPONSORSYNC_PUBLISH=127.0.0.1:18080 LOCAL_UID=1000 LOCAL_GID=1000
SPONSORSYNC_DIR=$(mktemp -d)
export SPONSORSYNC_DIR
chown 1000:1000 "$SPONSORSYNC_DIR"
compose() { $COMPOSE -p sponsorsync-test --profile demo "$@"; }
end() {
	[ "${1:-0}" = 0 ] || compose logs --tail 30
	compose down -v --timeout 30 >/dev/null 2>&1 || true
	rm -rf "$SPONSORSYNC_DIR"
}
trap 'end $?' EXIT
step() { echo "== $*"; }
fail() { echo "FAIL: $*" >&2; exit 1; }
id() { compose ps -q "$1"; }
until_true() { # seconds command...
	local left=$1
	shift
	until "$@" >/dev/null 2>&1; do
		[ $((left--)) -gt 0 ] || fail "never came true: $*"
		sleep 1
	done
}
healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$(id "$1")")" = healthy ]; }
all_healthy() { for s in redis nats worker producer; do healthy "$s" || return 1; done; }
producer() { compose exec -T producer producer "$@"; }
has() { docker inspect -f "$2" "$(id "$1")" | grep -qx -- "$3" || fail "$1: $2 is $(docker inspect -f "$2" "$(id "$1")"), want $3"; }

if [ -z "${SKIP_BUILD-}" ]; then
	step "images"
	compose build
fi
step "started from an empty folder"
compose up -d --no-build
until_true 120 all_healthy

step "hardened, and each holds its own settings"
for s in redis nats worker producer cloud; do
	has "$s" '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}' 'true \[ALL\] 1000:1000'
	has "$s" '{{index .HostConfig.SecurityOpt 0}}' 'no-new-privileges:true'
done
has worker '{{.Config.StopTimeout}}' 150
! grep -q installation__key "$SPONSORSYNC_DIR/run/producer/settings.env" || fail "the producer holds the installation key"
! docker inspect "$(id worker)" "$(id producer)" | grep -q "$(cat "$SPONSORSYNC_DIR/secrets/encryption_key")" || fail "a secret is in the environment"

org=6f1ed002-ab5d-4bb3-9b7a-000000000001
redeem() { producer redeem --org $org --user "6f1ed002-ab5d-4bb3-9b7a-00000000010$1" --email "m$1@example.com" "${@:2}"; }
sent() { [ "$(producer status --org $org --json | grep -o '"status":"sent"' | wc -l)" = "$1" ]; }

step "a redeem"
echo DemoBillingSyncToken0000000001 | producer connect --org $org --cloud-org 6f1ed002-ab5d-4bb3-9b7a-0000000000c1
producer sync --org $org --wait --timeout 60s
redeem 1 --wait --timeout 60s

step "Redis and NATS killed"
redeem 2
docker kill "$(id redis)" "$(id nats)" >/dev/null
compose up -d --no-build >/dev/null 2>&1
until_true 120 all_healthy
redeem 3
until_true 120 sent 3

step "upgraded in place: what waited meanwhile is carried out"
compose stop worker >/dev/null 2>&1
redeem 4
compose up -d --no-build --force-recreate producer >/dev/null 2>&1
until_true 120 healthy producer
status=$(producer status || true)
grep -q "queue intake   [1-9]" <<<"$status" || fail "what waited is gone: $status"
compose up -d --no-build --force-recreate worker cloud >/dev/null 2>&1 # the cloud is in the worker's network, and forgets
until_true 120 sent 4

step "stopped in good order"
compose stop producer >/dev/null 2>&1
[ "$(docker inspect -f '{{.State.ExitCode}}' "$(compose ps -aq producer 2>/dev/null || id producer)")" = 0 ] || fail "the producer ended badly"
echo "the containers start, send and lose nothing ($COMPOSE)"
