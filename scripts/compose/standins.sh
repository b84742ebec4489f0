#!/usr/bin/env bash
# Makes stand-ins for the base images of Dockerfile and compose.yaml from this machine's own programs,
# under their names, for a machine that can pull none. They are for trials on an engine that is thrown
# away: what runs in them is this machine's Redis and Go, and the NATS server of go.mod.
#
#   scripts/compose/standins.sh [IMAGE...]     all, or only these; Debian with redis-server and busybox-static
set -euo pipefail
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# program copies a program and the libraries that it loads.
program() { # root program...
	local root=$1 file
	shift
	for file in "$@"; do
		file=$(readlink -f "$(command -v "$file")")
		install -D "$file" "$root/usr/local/bin/$(basename "$file")"
		# "name => file (address)" or "file (address)": what is a file is needed.
		ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do install -D "$library" "$root$library"; done || true
	done
}

# shell gives an image the small tools that Alpine has.
shell() { # root
	install -D "$(command -v busybox)" "$1/bin/busybox"
	local tool
	for tool in sh sed grep wget env dirname mkdir cat ls; do ln -sf busybox "$1/bin/$tool"; done
}

import() { # image root change...
	local image=$1 root=$2 changes=(--change "ENV PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin")
	shift 2
	for change in "$@"; do changes+=(--change "$change"); done
	mkdir -p "$root/etc/ssl/certs" "$root/tmp"
	chmod 1777 "$root/tmp"
	cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
	echo "root:x:0:0::/:/bin/sh" >"$root/etc/passwd"
	tar -C "$root" --numeric-owner --owner=0 --group=0 -c . | docker import "${changes[@]}" - "$image" >/dev/null
	echo "made a stand-in for $image"
}

static() { import gcr.io/distroless/static-debian12:nonroot "$tmp/static" "USER 65532:65532"; }

redis() {
	program "$tmp/redis" redis-server redis-cli
	# Debian's redis-server and redis-cli are one file or two links to it, as the version goes.
	[ -e "$tmp/redis/usr/local/bin/redis-server" ] || ln -s redis-check-rdb "$tmp/redis/usr/local/bin/redis-server"
	shell "$tmp/redis"
	import redis:7-alpine "$tmp/redis" "WORKDIR /data"
}

nats() {
	mkdir -p "$tmp/nats/usr/local/bin"
	CGO_ENABLED=0 go build -o "$tmp/nats/usr/local/bin/nats-server" github.com/nats-io/nats-server/v2
	shell "$tmp/nats"
	import nats:2.12-alpine "$tmp/nats" 'ENTRYPOINT ["nats-server"]'
}

# golang holds the modules too: a build then asks nobody.
golang() {
	local root=$tmp/golang
	program "$root" bash
	shell "$root"
	cp -a "$(go env GOROOT)" "$root/usr/local/go"
	GOMODCACHE=$root/go/pkg/mod GOFLAGS=-modcacherw go mod download
	rm -rf "$root/go/pkg/mod/cache/vcs"
	import golang:1.26 "$root" "ENV GOPATH=/go GOPROXY=off GOTOOLCHAIN=local HOME=/tmp"
}

for image in "${@:-static redis nats golang}"; do
	for one in $image; do "$one"; done
done
