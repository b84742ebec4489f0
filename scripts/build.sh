#!/usr/bin/env bash
# Builds programs without cgo and without traces of this machine: equal sources make
# equal files. usage: build.sh FOLDER PACKAGE...
# VERSION, COMMIT and DATE name the build; where they are not set, the repository says.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1
shift
repository() { git "$@" 2>/dev/null || true; }
version=${VERSION:-$(repository describe --tags --always --dirty)}
commit=${COMMIT:-$(repository rev-parse HEAD)}
date=${DATE:-$(TZ=UTC repository log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ)}
boot=github.com/sponsorsync/sponsorsync/config/boot
mkdir -p "$out"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$out/" \
	-ldflags "-s -w -buildid= -X $boot.version=$version -X $boot.commit=$commit -X $boot.date=$date" "$@"
