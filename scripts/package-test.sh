#!/usr/bin/env bash
# The package on a bare Debian, under a real systemd in a container of its own (debootstrap and
# systemd-nspawn; needs root): built twice and equal, installed, a redeem brought to the cloud,
# a hung worker restarted by the watchdog, upgraded, removed, purged. The cloud is simulated.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "error: this makes a Debian and boots it: run it as root" >&2; exit 1; }
command -v debootstrap systemd-nspawn >/dev/null || apt-get -qq install -y debootstrap systemd-container >&2

tmp=$(mktemp -d)
machine=$tmp/machine
end() {
	kill "${nspawn:-}" "${devstack:-}" 2>/dev/null || true
	wait
	rm -rf --one-file-system "$tmp"
}
trap end EXIT
step() { echo "== $*"; }
fail() { echo "FAIL: $*" >&2; exit 1; }
inside() { nsenter -t "$init" -a "$@"; }
until_true() { # seconds command...
	local left=$1
	shift
	until "$@" >/dev/null 2>&1; do
		[ $((left--)) -gt 0 ] || fail "never came true: $*"
		sleep 1
	done
}
pid_of() { inside systemctl show -p MainPID --value "sponsorsync-$1"; }

step "built twice, in two folders, and equal"
git clone -q . "$tmp/again"
VERSION=1.0.0 bash scripts/package.sh "$tmp/1" >"$tmp/1.sha256"
(cd "$tmp/again" && VERSION=1.0.0 bash scripts/package.sh "$tmp/2" >"$tmp/2.sha256")
diff "$tmp/1.sha256" "$tmp/2.sha256" || fail "the two builds differ (is everything committed?)"
VERSION=1.0.1 bash scripts/package.sh "$tmp/upgrade" >/dev/null

step "hardened"
systemd-analyze security --offline=true --threshold=15 --no-pager scripts/package/systemd/*.service | grep Overall

step "a bare Debian"
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,redis-server,ca-certificates bookworm "$machine" >/dev/null
sed -i 's/^appendonly no/appendonly yes/' "$machine/etc/redis/redis.conf"
go build -o "$tmp/devstack" ./worker/devstack
"$tmp/devstack" >"$tmp/stack.env" 2>/dev/null &
devstack=$!
until_true 30 grep -q DEVSTACK_READY "$tmp/stack.env"
setting() { sed -n "s/^$1=//p" "$tmp/stack.env"; }
systemd-nspawn -qD "$machine" --register=no --keep-unit -b --console=pipe </dev/null >/dev/null 2>&1 &
nspawn=$!
until_true 30 pgrep -P "$nspawn"
init=$(pgrep -P "$nspawn" | head -1)
until_true 60 inside systemctl is-active redis-server

step "installed, and not started before there are settings"
cp "$tmp"/1/*.deb "$machine/root/first.deb"
cp "$tmp"/upgrade/*.deb "$machine/root/second.deb"
inside dpkg -i /root/first.deb
! inside systemctl is-active -q sponsorsync-worker || fail "the worker runs already"
mkdir -p "$machine/opt/bitwarden"
grep ^globalSettings "$tmp/stack.env" >"$machine/opt/bitwarden/server.env"
chmod 600 "$machine/opt/bitwarden/server.env"
inside ln -sf /opt/bitwarden/server.env /etc/sponsorsync/server.env
grep ^NATS_URL "$tmp/stack.env" >>"$machine/etc/sponsorsync/sponsorsync.env"
inside systemctl enable -q --now sponsorsync-worker sponsorsync-producer
inside sponsorsync-worker doctor | tail -1
inside sponsorsync-worker --version | grep -F 1.0.0

step "each holds its own settings, as a user without a name"
[ "$(inside ps -o user= -p "$(pid_of worker)" 2>/dev/null || inside stat -c %u "/proc/$(pid_of worker)")" != root ] || fail "the worker is root"
! inside grep -q globalSettings__installation__key /etc/sponsorsync/run/producer/settings.env || fail "the producer holds the installation key"

step "a redeem"
org=$(cat /proc/sys/kernel/random/uuid)
setting DEVSTACK_BILLING_SYNC_TOKEN | inside sponsorsync-producer connect --org "$org" --cloud-org "$(setting DEVSTACK_CLOUD_ORGANIZATION_ID)"
inside sponsorsync-producer sync --org "$org" --wait
redeem() { inside sponsorsync-producer redeem --org "$org" --user "$(cat /proc/sys/kernel/random/uuid)" --email "$1@example.com" "${@:2}"; }
redeem one --wait

step "a worker that hangs is restarted by the watchdog"
hung=$(pid_of worker)
inside sh -c "kill -STOP $hung"
redeem two >/dev/null
changed() { local now; now=$(pid_of worker); [ "$now" != 0 ] && [ "$now" != "$hung" ]; }
until_true 120 changed
until_true 60 inside sponsorsync-worker healthcheck

step "upgraded in place"
inside dpkg -i /root/second.deb
until_true 60 inside sponsorsync-worker healthcheck
inside sponsorsync-producer --version | grep -F 1.0.1
redeem three --wait
sent() { inside sponsorsync-producer status --org "$org" --json | grep -o '"status":"sent"' | wc -l; }
all_sent() { [ "$(sent)" = 3 ]; }
until_true 60 all_sent

step "removed, with the settings kept; purged, with nothing left"
inside dpkg -r sponsorsync
inside test -s /etc/sponsorsync/secrets/encryption_key
! inside systemctl is-active -q sponsorsync-worker || fail "the worker still runs"
inside dpkg -P sponsorsync
left=$(inside find / -xdev -name '*sponsorsync*' -not -path '/proc/*' -not -path '/var/log/*' -not -path '/tmp/*')
[ -z "$left" ] || fail "left behind: $left"
echo "the package installs, runs, upgrades and goes"
