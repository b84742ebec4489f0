#!/usr/bin/env bash
# Writes the licenses of all that is built into both programs, a file a module.
# usage: licenses.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1
mkdir -p "$out"
cp LICENSE "$out/sponsorsync.txt"
cp "$(go env GOROOT)/LICENSE" "$out/go.txt"
go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}} {{.Dir}}{{end}}{{end}}' ./worker ./producer | sort -u |
	while read -r module dir; do
		file=$out/${module//\//_}.txt
		find "$dir" -maxdepth 1 -type f \( -iname 'licen[sc]e*' -o -iname 'copying*' -o -iname 'notice*' \) -print0 | sort -z | xargs -0r cat >"$file"
		[ -s "$file" ] || { echo "error: $module has no license in $dir; may it be handed on?" >&2; exit 1; }
	done
