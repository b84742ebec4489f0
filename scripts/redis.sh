#!/usr/bin/env bash
# Prints the path of a redis-server that can say when a write is on disk (WAITAOF:
# Redis 7.2 or newer). The system's own is taken if it is new enough; otherwise one
# is built from Debian's source package, once, into the user's cache directory.
set -euo pipefail

new_enough() { # path
	local version
	version=$("$1" --version 2>/dev/null | sed -nE 's/.* v=([0-9]+\.[0-9]+).*/\1/p')
	[ -n "$version" ] && [ "$(printf '7.2\n%s\n' "$version" | sort -V | head -1)" = 7.2 ]
}

for candidate in "${REDIS_SERVER_BIN:-}" "$(command -v redis-server || true)"; do
	if [ -n "$candidate" ] && new_enough "$candidate"; then
		echo "$candidate"
		exit 0
	fi
done

case $(uname) in Darwin) cache="$HOME/Library/Caches" ;; *) cache="${XDG_CACHE_HOME:-$HOME/.cache}" ;; esac
built="$cache/sponsorsync-test/redis-server"
if [ -x "$built" ] && new_enough "$built"; then
	echo "$built"
	exit 0
fi

if ! command -v apt-get >/dev/null || ! command -v cc >/dev/null; then
	echo "error: the tests need Redis 7.2 or newer, and there is neither one nor what builds one (apt-get, a C compiler)" >&2
	echo "hint: install Redis 7.2 or newer, or point REDIS_SERVER_BIN at one, and run this again" >&2
	exit 1
fi
echo "building redis-server from Debian's source package (under a minute)" >&2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir"/{sources,lists/partial,cache}
cat >"$dir/sources/source.sources" <<SOURCES
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
# Lists of its own: the system's package sources stay as they are.
private=(-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$dir/sources" -o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir/cache" -qq)
cd "$dir"
apt-get "${private[@]}" update >&2
apt-get "${private[@]}" source --tar-only --download-only redis >&2
tar xf redis_*.orig.tar.*
make -C redis-*/src -j"$(nproc)" MALLOC=libc OPTIMIZATION=-O2 redis-server >"$dir/build.log" 2>&1 || { tail -n 20 "$dir/build.log" >&2; exit 1; }
mkdir -p "$(dirname "$built")"
mv redis-*/src/redis-server "$built.$$"
mv "$built.$$" "$built" # at once: others may build at the same time
new_enough "$built" || { echo "error: what was built is older than Redis 7.2" >&2; exit 1; }
echo "$built"
