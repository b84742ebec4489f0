#!/usr/bin/env bash
# Sizes that keep the code readable: no file over 350 lines, no function over 60
# (a test's table may be longer), a comment on every package.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

while read -r file; do
	lines=$(wc -l <"$file")
	if [ "$lines" -gt 350 ]; then
		echo "budget: $file has $lines lines, at most 350" >&2
		failed=1
	fi
	[[ $file == *_test.go ]] && continue
	long=$(awk -v f="$file" '/^func /{name=$0; start=($0 ~ /}$/) ? 0 : NR} /^}/{if (start && NR-start+1>60) {split(name,a,"{"); print f ": " a[1] "has " NR-start+1 " lines, at most 60"} start=0}' "$file")
	if [ -n "$long" ]; then
		echo "budget: $long" >&2
		failed=1
	fi
done < <(git ls-files --cached --others --exclude-standard '*.go')

undocumented=$(go list -f '{{if not .Doc}}{{.ImportPath}}{{end}}' ./...)
if [ -n "$undocumented" ]; then
	echo "budget: no package comment: $undocumented" >&2
	failed=1
fi
exit "$failed"
