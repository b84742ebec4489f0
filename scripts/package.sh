#!/usr/bin/env bash
# Makes a .deb and a tarball of both programs, with the licenses and the list (SBOM) of what is
# built in. Equal sources make equal files. usage: package.sh [FOLDER]
# ARCH is Go's name of the processor; VERSION, COMMIT and DATE as for build.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-dist}")
COMMIT=${COMMIT:-$(git rev-parse HEAD)}
DATE=${DATE:-$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ)}
VERSION=${VERSION:-$(git describe --tags 2>/dev/null || echo "0~$(tr -dc 0-9 <<<"$DATE").${COMMIT:0:7}")}
VERSION=${VERSION#v} # Debian's versions begin with a digit
ARCH=${ARCH:-$(go env GOARCH)}
SOURCE_DATE_EPOCH=$(date -d "$DATE" +%s)
DIST=$(mktemp -d)
trap 'rm -rf "$DIST"' EXIT
export VERSION COMMIT DATE ARCH SOURCE_DATE_EPOCH LICENSE=MIT

root=$DIST/root
lib=$root/usr/lib/sponsorsync share=$root/usr/share/sponsorsync doc=$root/usr/share/doc/sponsorsync
umask 022
mkdir -p "$lib" "$share" "$doc" "$root/usr/bin" "$root/lib/systemd/system"
GOARCH=$ARCH bash scripts/build.sh "$lib" ./worker ./producer
install -m 755 scripts/package/command "$lib/command"
ln -s ../lib/sponsorsync/command "$root/usr/bin/sponsorsync-worker"
ln -s ../lib/sponsorsync/command "$root/usr/bin/sponsorsync-producer"
install -m 644 scripts/package/systemd/*.service "$root/lib/systemd/system/"
install -m 644 scripts/package/server.env "$share/"
install -m 644 README.md CHANGELOG.md scripts/RUNBOOK.md "$doc/"
install -m 644 LICENSE "$doc/copyright"
bash scripts/licenses.sh "$doc/licenses"
for program in worker producer; do
	go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 bin -json -noserial -notimestamp -version "$VERSION" \
		-output "$doc/$program.cdx.json" "$lib/$program" 2>/dev/null
done
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$out"
name=sponsorsync_${VERSION}_$ARCH
cp scripts/package/{nfpm.yaml,postinst,prerm,postrm} "$DIST/"
(cd "$DIST" && go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.48.0 package -p deb -t "$out/$name.deb" >&2)
tar -C "$root" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
	--transform "flags=rSh;s,^\.,$name," -cf - . | gzip -n9 >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name".{deb,tar.gz} | tee "$name.sha256")
